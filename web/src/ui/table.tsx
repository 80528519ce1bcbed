import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useSeen } from "./virtual-list";

export interface Column<T> {
  id: string;
  label: string;
  cell: (item: T) => ComponentChildren;
  /** Numbers stand to the right. */
  number?: boolean;
  /** Pixels; what is left is for the columns without. */
  width?: number;
  /** Left out where the table has less room: `m` below 640 pixels, `l` below 900. */
  from?: "m" | "l";
}

interface TableProps<T> {
  label: string;
  columns: Column<T>[];
  items: T[];
  total?: number;
  keyOf: (item: T) => string;
  onEnd?: () => void;
}

const ROW = 44;

/** A table of any length: rows that nobody sees are not made. */
export function Table<T>({ label, columns, items, total = items.length, keyOf, onEnd }: TableProps<T>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [first, last] = useSeen(body, items.length, ROW);
  useEffect(() => {
    if (onEnd && items.length < total && last >= items.length - 10) onEnd();
  }, [last, items.length, total, onEnd]);
  const classOf = (column: Column<T>) => [column.number ? "number" : "", column.from ? `from-${column.from}` : ""].join(" ").trim() || undefined;
  return (
    <div class="table-place">
      <table class="table" aria-label={label} aria-rowcount={total + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" class={classOf(column)} style={column.width ? { width: `${column.width}px` } : undefined}>
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {first > 0 && <Space rows={first} />}
          {items.slice(first, last).map((item, index) => (
            <tr key={keyOf(item)} aria-rowindex={first + index + 2}>
              {columns.map((column) => (
                <td key={column.id} class={classOf(column)}>
                  {column.cell(item)}
                </td>
              ))}
            </tr>
          ))}
          {last < items.length && <Space rows={items.length - last} />}
        </tbody>
      </table>
    </div>
  );
}

/** One cell, not one for each column: it would keep room for those that are left out. */
function Space({ rows }: { rows: number }) {
  return (
    <tr aria-hidden="true" class="space">
      <td style={{ height: `${rows * ROW}px` }} />
    </tr>
  );
}
