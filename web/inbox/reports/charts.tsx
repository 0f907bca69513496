/** The two shapes that reports have: amounts that are added up, and values that go up and down. */
import { Bar, BarChart, Line, LineChart } from "recharts";
import { Chart, type Series } from "./chart";

type Props = Omit<Parameters<typeof Chart>[0], "children">;

export function Bars(props: Props) {
  return (
    <Chart {...props}>
      {(parts) => (
        // recharts' own layer for screen readers would be a second one beside the table.
        <BarChart data={props.points} accessibilityLayer={false}>
          {parts}
          {props.series.map((each: Series) => (
            <Bar
              key={each.key}
              dataKey={each.key}
              name={each.name}
              stackId="all"
              fill={each.color}
              isAnimationActive={false}
              maxBarSize={28}
            />
          ))}
        </BarChart>
      )}
    </Chart>
  );
}

export function Lines(props: Props) {
  return (
    <Chart {...props}>
      {(parts) => (
        <LineChart data={props.points} accessibilityLayer={false}>
          {parts}
          {props.series.map((each: Series) => (
            <Line
              key={each.key}
              dataKey={each.key}
              name={each.name}
              stroke={each.color}
              strokeWidth={2}
              dot={props.points.length <= 31}
              connectNulls
              isAnimationActive={false}
            />
          ))}
        </LineChart>
      )}
    </Chart>
  );
}
