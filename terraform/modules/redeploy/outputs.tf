output "state_machine_arn" {
  description = "What starts the tasks anew; somebody may start it by hand, too."
  value       = aws_sfn_state_machine.this.arn
}
