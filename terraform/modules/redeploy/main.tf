# A changed password reaches tasks by a new deployment: they read it when they start.
# Secrets Manager's events come by way of CloudTrail, so the account has to have a trail.

data "aws_caller_identity" "current" {}

resource "aws_cloudwatch_event_rule" "rotated" {
  name        = "${var.name}-rotated"
  description = "The password that tasks read when they start was changed"
  event_pattern = jsonencode({
    source      = ["aws.secretsmanager"]
    detail-type = ["AWS Service Event via CloudTrail"]
    detail = {
      eventName           = ["RotationSucceeded"]
      additionalEventData = { SecretId = [var.secret_arn] }
    }
  })
}

resource "aws_cloudwatch_event_target" "redeploy" {
  rule     = aws_cloudwatch_event_rule.rotated.name
  arn      = aws_sfn_state_machine.this.arn
  role_arn = aws_iam_role.rotated.arn
}

resource "aws_sfn_state_machine" "this" {
  #checkov:skip=CKV_AWS_284:one step, which calls ECS
  #checkov:skip=CKV_AWS_285:one step, whose call is in CloudTrail
  name     = "${var.name}-redeploy"
  role_arn = aws_iam_role.redeploy.arn
  type     = "STANDARD"
  definition = jsonencode({
    StartAt = "Redeploy"
    States = {
      Redeploy = {
        Type     = "Task"
        Resource = "arn:aws:states:::aws-sdk:ecs:updateService"
        Parameters = {
          Cluster            = var.cluster_arn
          Service            = var.service.name
          ForceNewDeployment = true
        }
        Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 5, MaxAttempts = 5, BackoffRate = 2 }]
        End   = true
      }
    }
  })
}

resource "aws_iam_role" "redeploy" {
  name = "${var.name}-redeploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "redeploy" {
  name = "redeploy"
  role = aws_iam_role.redeploy.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["ecs:UpdateService"], Resource = [var.service.arn] }]
  })
}

resource "aws_iam_role" "rotated" {
  name = "${var.name}-rotated"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "rotated" {
  name = "start"
  role = aws_iam_role.rotated.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["states:StartExecution"], Resource = [aws_sfn_state_machine.this.arn] }]
  })
}
