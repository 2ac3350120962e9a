import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, type ReactNode } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { priorityOf, type Priority } from '../live/order.js';
import type { Format } from '../text/format.js';
import { spreadLabels, valueRange, type LimitLine, type PlotData, type Stretch } from './plot-data.js';
import style from './plot.module.css';

export interface Picture {
  readonly data: PlotData;
  readonly from: number;
  readonly to: number;
  readonly decimals: number;
  readonly limits: readonly LimitLine[];
  readonly firing: readonly Stretch[];
  /** The reading that decided, to be found in the line. */
  readonly mark: { readonly at: number; readonly value: number } | null;
}

interface Colours {
  readonly ink: string;
  readonly quiet: string;
  readonly grid: string;
  readonly panel: string;
  readonly trace: string;
  readonly band: string;
  readonly priority: Record<Priority, string>;
}

// uPlot scales whole pixels only.
const font = (size: number, weight = 400): string =>
  `${weight} ${Math.round(size)}px "Inter Variable", system-ui, sans-serif`;

/** A line with its limits and the times in which alerts fired. Drawn on a canvas; `label` tells it to who cannot see it. */
export function Plot({
  picture,
  format,
  label,
  over,
}: {
  picture: Picture;
  format: Format;
  label: string;
  over: (index: number | null) => void;
}): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const drawn = useRef(picture);
  const scheme = useComputedColorScheme('light');

  useEffect(() => {
    drawn.current = picture;
    plot.current?.setData(picture.data);
  }, [picture]);

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const size = (): { width: number; height: number } => ({
      width: Math.max(200, element.clientWidth),
      height: element.clientHeight,
    });
    const made = new uPlot(options(size(), drawn, format, coloursOf(element), over), drawn.current.data, element);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize(size()));
    watch.observe(element);
    // The first drawing may have come before the font.
    void document.fonts.ready.then(() => made.redraw(false, true));
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
    // Colours are read from the style sheet, so another scheme is another drawing.
  }, [scheme, format, over]);

  return <div ref={place} className={style.plot} role="img" aria-label={label} data-testid="plot" />;
}

function coloursOf(element: HTMLElement): Colours {
  const computed = getComputedStyle(element);
  const colour = (name: string): string => computed.getPropertyValue(name).trim();
  return {
    ink: colour('--ink'),
    quiet: colour('--ink-3'),
    grid: colour('--grid'),
    panel: colour('--panel'),
    trace: colour('--trace'),
    band: colour('--trace-band'),
    priority: { 1: colour('--p1'), 2: colour('--p2'), 3: colour('--p3') },
  };
}

function options(
  size: { width: number; height: number },
  drawn: { readonly current: Picture },
  format: Format,
  colours: Colours,
  over: (index: number | null) => void,
): uPlot.Options {
  const invisible = { stroke: 'transparent', width: 0, points: { show: false } };
  const axis = {
    stroke: colours.quiet,
    font: font(12),
    grid: { stroke: colours.grid, width: 1 },
    ticks: { stroke: colours.grid, width: 1, size: 5 },
  };
  return {
    ...size,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), format.timezone),
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 8 }, y: false },
    scales: {
      x: { time: true, range: () => [drawn.current.from / 1_000, drawn.current.to / 1_000] },
      y: {
        range: () => {
          const { data, limits, decimals } = drawn.current;
          return valueRange([...data[1], ...data[2], ...limits.map(({ value }) => value)], decimals) ?? [0, 1];
        },
      },
    },
    axes: [
      {
        ...axis,
        size: 34,
        space: 64,
        values: (_, splits) => splits.map((seconds) => timeLabel(seconds * 1_000, format)),
      },
      {
        ...axis,
        size: (_, values) => 16 + 7.5 * Math.max(3, ...(values ?? []).map((value) => value.length)),
        space: 32,
        values: (_, splits, __, ___, step) =>
          splits.map((value) => format.number(value, Math.min(6, Math.max(0, Math.ceil(-Math.log10(step)))))),
      },
    ],
    series: [
      {},
      invisible,
      invisible,
      { stroke: colours.trace, width: 1.75, points: { size: 4, fill: colours.trace } },
      {
        stroke: colours.ink,
        width: 1.5,
        paths: () => null,
        points: { show: true, size: 9, width: 1.5, stroke: colours.ink, fill: colours.panel },
      },
    ],
    bands: [{ series: [2, 1], fill: colours.band }],
    hooks: {
      drawAxes: [(plot) => drawFiring(plot, drawn.current, colours)],
      draw: [
        (plot) => drawLimits(plot, drawn.current, format, colours),
        (plot) => drawMark(plot, drawn.current, colours),
      ],
      setCursor: [(plot) => over(plot.cursor.idx ?? null)],
    },
  };
}

/** Hours, and the date where a day begins. */
function timeLabel(at: number, format: Format): string {
  const time = format.time(at);
  return time === '00:00' ? format.day(at) : time;
}

const ratio = (plot: uPlot): number => plot.ctx.canvas.width / plot.width;

function inside(plot: uPlot, draw: (ctx: CanvasRenderingContext2D, pixel: number) => void): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, ratio(plot));
  ctx.restore();
}

/**
 * Shaded in the colour of the severity, and hatched and named, since colour alone is not seen by everybody; the hold before it is hatched
 * only.
 */
function drawFiring(plot: uPlot, picture: Picture, colours: Colours): void {
  const urgentLast = picture.firing.toSorted((a, b) => priorityOf(b.severity) - priorityOf(a.severity));
  inside(plot, (ctx, pixel) => {
    const { top, height } = plot.bbox;
    for (const { kind, severity, from, to } of urgentLast) {
      const priority = priorityOf(severity);
      const left = plot.valToPos(from / 1_000, 'x', true);
      const right = Math.max(left + 2 * pixel, plot.valToPos(to / 1_000, 'x', true));
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, top, right - left, height);
      ctx.clip();
      ctx.fillStyle = colours.priority[priority];
      ctx.strokeStyle = colours.priority[priority];
      ctx.lineWidth = pixel;
      if (kind === 'firing') {
        ctx.globalAlpha = 0.13;
        ctx.fillRect(left, top, right - left, height);
      }
      ctx.globalAlpha = 0.35;
      // The more urgent, the denser.
      const step = (4 + 5 * priority) * pixel;
      ctx.beginPath();
      for (let x = left - height - ((left - height) % step); x < right; x += step) {
        ctx.moveTo(x, top + height);
        ctx.lineTo(x + height, top);
      }
      ctx.stroke();
      ctx.globalAlpha = 1;
      if (kind === 'firing') ctx.fillRect(left, top, right - left, 4 * pixel);
      ctx.restore();
    }
    nameFiring(plot, ctx, pixel, urgentLast.toReversed(), picture, colours);
  });
}

/** Names what was firing, the most urgent first, where there is room for it: below, or above where the marked reading stands there. */
function nameFiring(
  plot: uPlot,
  ctx: CanvasRenderingContext2D,
  pixel: number,
  urgentFirst: readonly Stretch[],
  { mark }: Picture,
  colours: Colours,
): void {
  const { left: start, top, width, height } = plot.bbox;
  const [wide, tall] = [20 * pixel, 14 * pixel];
  const bottom = top + height - 4 * pixel;
  const dot =
    mark === null
      ? null
      : { x: plot.valToPos(mark.at / 1_000, 'x', true), y: plot.valToPos(mark.value, 'y', true), room: 9 * pixel };
  const taken: number[] = [];
  ctx.fillStyle = colours.ink;
  ctx.font = font(12 * pixel, 700);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  for (const { kind, severity, from } of urgentFirst) {
    if (kind === 'hold') continue;
    // A short one at the edge keeps its name inside the picture.
    const x = Math.min(plot.valToPos(from / 1_000, 'x', true) + 4 * pixel, start + width - wide);
    if (taken.some((other) => Math.abs(other - x) < wide)) continue;
    taken.push(x);
    const hidden =
      dot !== null && dot.x > x - dot.room && dot.x < x + wide + dot.room && dot.y > bottom - tall - dot.room;
    ctx.fillText(`P${priorityOf(severity)}`, x, hidden ? top + 8 * pixel + tall : bottom);
  }
}

const dashes: readonly (readonly number[])[] = [
  [2, 3],
  [6, 4],
  [12, 4],
];

function drawLimits(plot: uPlot, { limits, decimals }: Picture, format: Format, colours: Colours): void {
  if (limits.length === 0) return;
  inside(plot, (ctx, pixel) => {
    const { left, top, height } = plot.bbox;
    // On the left: what is of now, on the right, stays free.
    const start = left + 6 * pixel;
    const sorted = limits.toSorted((a, b) => a.value - b.value);
    const at = sorted.map(({ value }) => plot.valToPos(value, 'y', true));
    ctx.strokeStyle = colours.ink;
    ctx.lineWidth = 1.25 * pixel;
    for (const [index, line] of sorted.entries()) {
      const y = Math.round(at[index] ?? 0) + 0.5;
      ctx.setLineDash((dashes[Math.min(index, dashes.length - 1)] ?? []).map((length) => length * pixel));
      ctx.beginPath();
      ctx.moveTo(plot.valToPos(line.from / 1_000, 'x', true), y);
      ctx.lineTo(plot.valToPos(line.to / 1_000, 'x', true), y);
      ctx.stroke();
    }
    ctx.setLineDash([]);
    ctx.font = font(12 * pixel, 600);
    ctx.textAlign = 'left';
    ctx.textBaseline = 'middle';
    ctx.fontKerning = 'none';
    const tall = 15 * pixel;
    const spread = spreadLabels(
      at.map((y) => y - tall / 2 - pixel),
      tall,
      top + height - tall / 2,
    );
    for (const [index, line] of sorted.entries()) {
      const text = `${line.label}: ${format.number(line.value, decimals)}`;
      const y = Math.max(top + tall / 2, spread[index] ?? 0);
      // A halo, or the trace runs through the letters.
      ctx.lineJoin = 'round';
      ctx.lineWidth = 4 * pixel;
      ctx.strokeStyle = colours.panel;
      ctx.strokeText(text, start, y);
      ctx.fillStyle = colours.ink;
      ctx.fillText(text, start, y);
    }
  });
}

function drawMark(plot: uPlot, { mark, from, to }: Picture, colours: Colours): void {
  if (mark === null || mark.at < from || mark.at > to) return;
  inside(plot, (ctx, pixel) => {
    ctx.beginPath();
    ctx.arc(plot.valToPos(mark.at / 1_000, 'x', true), plot.valToPos(mark.value, 'y', true), 5 * pixel, 0, 2 * Math.PI);
    ctx.fillStyle = colours.panel;
    ctx.fill();
    ctx.lineWidth = 2.5 * pixel;
    ctx.strokeStyle = colours.ink;
    ctx.stroke();
  });
}
