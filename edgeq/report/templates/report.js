"use strict";
(() => {
  const sections = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const symbols = ["circle", "diamond", "square", "cross", "star"];
  const widest = 44; // pixels across the largest bubble
  const paperWidth = 640; // pixels that fit between the margins of A4 and Letter
  const logFrom = 6; // slowest over fastest from which a linear axis would crowd the fast ones

  // Plotly reads a little HTML in its texts; a foreign name must stay a name.
  const literal = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const variable = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const isNarrow = () => root.clientWidth < 500;
  const threadWord = (count) => (count === 1 ? "1 thread" : count + " threads");

  function theme() {
    return {
      ink: variable("--ink"),
      soft: variable("--soft"),
      line: variable("--line"),
      page: variable("--page"),
      raised: variable("--raised"),
      sans: variable("--sans"),
      color: (index) => variable("--c" + (index % 8)),
    };
  }

  // 1, 2 and 5 of every power of ten: Plotly itself writes 20 as a small 2 on a logarithmic axis.
  function logTicks(least, most) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(least)) - 1; power <= Math.log10(most) + 1; power++) {
      ticks.push(...[1, 2, 5].map((digit) => Number((digit * 10 ** power).toPrecision(1))));
    }
    return ticks;
  }

  function latencyAxis(values, unit, look) {
    const least = Math.min(...values);
    const most = Math.max(...values);
    const isLog = most / least > logFrom;
    return {
      type: isLog ? "log" : "linear",
      range: isLog ? [Math.log10(least) - 0.12, Math.log10(most) + 0.12] : [0, most * 1.1],
      ...(isLog ? { tickvals: logTicks(least, most), ticktext: logTicks(least, most).map(String) } : {}),
      title: { text: "latency (" + unit + (isLog ? ", log scale)" : ")"), standoff: 12 },
      gridcolor: look.line,
      zeroline: false,
      ticks: "outside",
      tickcolor: look.line,
      linecolor: look.line,
      showline: true,
    };
  }

  function layout(look, changes) {
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: look.sans, size: 13, color: look.soft },
      margin: { l: 56, r: 12, t: 12, b: 48 },
      hoverlabel: { bgcolor: look.raised, bordercolor: look.line, align: "left", font: { color: look.ink, family: look.sans } },
      // A finger that meets the plot wants to scroll the page.
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      hovermode: "closest",
      showlegend: false,
      ...changes,
    };
  }

  function hover(point) {
    const lines = point.details.map(([name, text]) => literal(name) + ": " + literal(text));
    return "<b>" + literal(point.variant) + "</b><br>" + lines.join("<br>") + "<extra></extra>";
  }

  function bubbles(section, look) {
    const points = section.points.filter((point) => point.metric !== null);
    const counts = [...new Set(points.map((point) => point.threads))];
    const largest = Math.max(...points.map((point) => point.size));
    return section.variants.flatMap((variant, index) => {
      const own = points.filter((point) => point.variant === variant);
      const errors = (value, low, high) => ({
        type: "data",
        symmetric: false,
        array: own.map((point) => (point[high] === null ? 0 : point[high] - point[value])),
        arrayminus: own.map((point) => (point[low] === null ? 0 : point[value] - point[low])),
        color: look.color(index),
        thickness: 1,
        width: 3,
      });
      if (own.length === 0) return [];
      return [{
        type: "scatter",
        mode: "markers",
        name: literal(variant),
        x: own.map((point) => point.latency),
        y: own.map((point) => point.metric),
        error_x: errors("latency", "latencyLow", "latencyHigh"),
        error_y: errors("metric", "metricLow", "metricHigh"),
        hovertemplate: own.map(hover),
        marker: {
          color: look.color(index),
          opacity: 0.75,
          symbol: own.map((point) => symbols[counts.indexOf(point.threads) % symbols.length]),
          size: own.map((point) => point.size),
          sizemode: "area",
          sizeref: (2 * largest) / widest ** 2,
          sizemin: 5,
          line: { color: look.page, width: 1 },
        },
      }];
    });
  }

  function fronts(section, look) {
    return section.fronts.map((front) => ({
      type: "scatter",
      mode: "lines",
      x: front.map((index) => section.points[index].latency),
      y: front.map((index) => section.points[index].metric),
      line: { color: look.soft, width: 1.5, dash: "dash" },
      hoverinfo: "skip",
    }));
  }

  function tradeoff(section, look) {
    const points = section.points.filter((point) => point.metric !== null);
    const values = points.flatMap((point) => [point.metric, point.metricLow, point.metricHigh]);
    const known = [...values, section.budget].filter((value) => value !== null);
    const least = Math.min(...known);
    const most = Math.max(...known);
    const pad = (most - least) * 0.12 || Math.abs(most) * 0.05 || 0.05;
    const range = section.isTurned ? [most + pad, least - pad] : [least - pad, most + pad];
    const budget = section.budget === null ? {} : {
      shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: section.budget, y1: section.budget, line: { color: look.soft, width: 1, dash: "dot" } }],
      annotations: [{ xref: "paper", x: 1, xanchor: "right", y: section.budget, yanchor: "bottom", text: literal(section.budgetLabel), showarrow: false, font: { size: 12 } }],
    };
    return {
      data: [...fronts(section, look), ...bubbles(section, look)],
      layout: layout(look, {
        xaxis: latencyAxis(points.map((point) => point.latency), section.unit, look),
        yaxis: { title: { text: literal(section.metric) }, range, gridcolor: look.line, zeroline: false, automargin: true },
        ...budget,
      }),
    };
  }

  function spread(section, look) {
    const label = (point) => literal(point.variant) + (section.manyThreads ? " · " + threadWord(point.threads) : "");
    const relative = section.points.map((point) => point.samples.map((sample) => 100 * (sample / point.latency - 1)));
    // The axis shows what runs usually do: three times the tail of a typical row. One run in thousands that
    // waited for another program would otherwise squeeze all boxes into lines.
    const tails = relative.map((values) => values[Math.floor(0.95 * (values.length - 1))]).sort((a, b) => a - b);
    const most = 3 * Math.max(tails[Math.floor(tails.length / 2)], 0.5);
    const least = Math.max(Math.min(...relative.map((values) => values[0])), -most);
    const signed = (value) => {
      const text = Math.abs(value).toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });
      return (value < 0 ? "−" : "+") + text + " %";
    };
    return {
      data: section.points.map((point, index) => ({
        type: "box",
        orientation: "h",
        x: relative[index],
        y0: label(point),
        name: label(point),
        text: point.samples.map((sample, run) => sample + " " + section.unit + " (" + signed(relative[index][run]) + ")"),
        boxpoints: "all",
        jitter: 0.7,
        pointpos: 0,
        marker: { color: look.color(point.index), size: 4, opacity: 0.45 },
        line: { color: look.color(point.index), width: 1.5 },
        fillcolor: "rgba(0,0,0,0)",
        hoverinfo: "text",
        hoveron: "points",
      })),
      layout: layout(look, {
        xaxis: {
          title: { text: "from its own median", standoff: 12 },
          ticksuffix: " %",
          range: [least - 0.06 * (most - least), most],
          gridcolor: look.line,
          zerolinecolor: look.soft,
        },
        yaxis: { autorange: "reversed", automargin: true, gridcolor: look.line, tickfont: { size: isNarrow() ? 10.5 : 13 } },
        annotations: section.points.flatMap((point, index) => {
          const beyond = relative[index].filter((value) => value > most);
          if (beyond.length === 0) return [];
          const share = Math.max(1, Math.round((100 * beyond.length) / relative[index].length));
          const text = share + " % beyond, up to " + signed(beyond[beyond.length - 1]);
          return [{ xref: "paper", x: 1, xanchor: "right", y: label(point), yshift: 10, text, showarrow: false, font: { size: 11 } }];
        }),
      }),
    };
  }

  function bars(section, look) {
    const { series, labels } = section.bars;
    return {
      data: series.map((one, index) => ({
        type: "bar",
        orientation: "h",
        name: literal(one.name),
        y: one.labels.map(literal),
        x: one.speeds,
        error_x: { type: "data", symmetric: false, array: one.above, arrayminus: one.below, color: look.soft, thickness: 1, width: 3 },
        marker: { color: look.color(index + 1) },
        hovertemplate: "<b>" + literal(one.name) + "</b><br>%{y}: %{x:.2f}×<extra></extra>",
      })),
      layout: layout(look, {
        barmode: "group",
        bargap: 0.3,
        xaxis: { title: { text: "times as fast as the baseline there", standoff: 12 }, rangemode: "tozero", gridcolor: look.line, zerolinecolor: look.line },
        yaxis: { categoryorder: "array", categoryarray: labels.map(literal), autorange: "reversed", automargin: true, tickfont: { size: isNarrow() ? 10.5 : 13 } },
        shapes: [{ type: "line", yref: "paper", x0: 1, x1: 1, y0: 0, y1: 1, line: { color: look.ink, width: 1, dash: "dot" } }],
      }),
    };
  }

  // Two quantities over one time: the first solid on the left, temperature dotted on the right where it is known.
  function course(traces, look, time, left) {
    const isWarm = traces.some((trace) => trace.yaxis === "y2");
    const axis = { gridcolor: look.line, zeroline: false, automargin: true };
    const isShort = Math.max(...traces.map((trace) => trace.x.length)) <= 12;
    return {
      data: traces,
      layout: layout(look, {
        margin: { l: 56, r: isWarm ? 56 : 12, t: 12, b: 48 },
        hovermode: "x unified",
        xaxis: { ...axis, title: { text: time, standoff: 12 }, ...(time === "minute" && isShort ? { dtick: 1 } : {}) },
        yaxis: { ...axis, title: { text: left }, rangemode: "tozero" },
        ...(isWarm ? { yaxis2: { ...axis, title: { text: "°C" }, overlaying: "y", side: "right", showgrid: false, tickmode: "auto", nticks: 5, tickformat: ".0f" } } : {}),
      }),
    };
  }

  function line(name, x, y, color, changes) {
    return { type: "scatter", mode: x.length > 60 ? "lines" : "lines+markers", name, x, y, line: { color, width: 2 }, marker: { size: 5 }, ...changes };
  }

  const dotted = (color) => ({ yaxis: "y2", mode: "lines", line: { color, width: 1.5, dash: "dot" } });
  const isKnown = (values) => values.some((value) => value !== null);

  function sustained(section, look) {
    const traces = section.sustained.flatMap((one) => {
      const color = look.color(one.index);
      const name = literal(one.label);
      const warm = isKnown(one.temperature) ? [line(name + ", °C", one.minutes, one.temperature, color, dotted(color))] : [];
      return [line(name + ", ms", one.minutes, one.ms, color, {}), ...warm];
    });
    return course(traces, look, "minute", "median (ms)");
  }

  function states(section, look) {
    const { seconds, temperature, mhz } = section.states;
    const traces = [];
    if (isKnown(mhz)) traces.push(line("MHz", seconds, mhz, look.color(1), {}));
    if (isKnown(temperature)) traces.push(line("°C", seconds, temperature, look.color(2), dotted(look.color(2))));
    return course(traces, look, "seconds since the start", "clock (MHz)");
  }

  // By the name of their place; a page has places only for what there is to draw.
  const figures = { tradeoff, spread, bars, sustained, states };

  function heightOf(name, section) {
    // A row of boxes needs the same room however many there are, and so does a bar.
    if (name === "spread") return 90 + Math.max(3, section.points.length) * 34;
    if (name === "bars") return 90 + section.bars.labels.length * (14 + 16 * section.bars.series.length);
    return null;
  }

  function draw() {
    const look = theme();
    const options = { displayModeBar: false, responsive: true };
    sections.forEach((section, number) => {
      for (const [name, figure] of Object.entries(figures)) {
        const place = document.getElementById(name + "-" + number);
        if (!place) continue;
        const height = heightOf(name, section);
        if (height !== null) place.style.height = height + "px";
        const { data, layout: arrangement } = figure(section, look);
        const width = root.hasAttribute("data-printing") ? paperWidth : undefined;
        Plotly.react(place, data, { ...arrangement, width }, options);
      }
    });
  }

  function printing(isPrinting) {
    root.toggleAttribute("data-printing", isPrinting);
    draw();
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
  draw();
})();
