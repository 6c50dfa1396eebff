"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const text = (index) => data.texts[index];
  const place = ([file, line, column]) => `${text(file)}:${line}:${column}`;
  const STATES = ["missing", "inherited", "set", "removed"];
  // only texts are put into the page, never HTML
  const element = (name, properties = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in made) made[key] = value; else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };
  const list = (items) => element("ul", {}, ...items.map((item) => element("li", {}, item)));
  const table = document.getElementById("keys");
  const columns = data.environments.length + 2;

  const cellOf = (row, cell) => {
    if (cell === null) return element("td");
    const [state, shown] = cell;
    const name = STATES[state];
    if (row.secret && (name === "set" || name === "inherited")) {
      return element("td", { className: `secret ${name}` }, name === "set" ? "[secret]" : "[secret], inherited");
    }
    if (shown !== null && (name === "set" || name === "inherited")) {
      const value = element("span", { className: `value ${name}` }, text(shown));
      return element("td", { title: name }, value, ...(name === "inherited" ? [element("span", { className: "soft" }, " (inherited)")] : []));
    }
    return element("td", { className: name }, name);
  };

  const detailOf = (row) => {
    const cell = element("td", { colSpan: columns });
    const add = (heading, ...content) => cell.append(element("h3", {}, heading), ...content);
    if (row.description !== null) cell.append(element("p", {}, text(row.description)));
    for (const [name, note] of row.notes) cell.append(element("p", {}, `${text(name)}: ${text(note)}`));
    if (row.undecided) cell.append(element("p", {}, "It goes to the Secret if its value, which is unknown without a key, is a credential."));
    if (row.reasons.length > 0) {
      add(row.variable ? "Why it is a secret" : "Why it is in its object", list(row.reasons.map(([layer, detail, source, overruled]) =>
        `${text(layer)}: ${text(detail)}${overruled ? ", overruled" : ""} (${place(source)})`)));
    }
    for (const [environments, steps] of row.history) {
      const names = environments.map((index) => text(data.environments[index])).join(", ");
      const items = steps.map((index) => row.steps[index]).map(([layer, source, change, value]) =>
        `${text(layer)}  ${place(source)}  ${text(change)}${value === null ? "" : ` ${text(value)}`}`);
      add(`History in ${names}`, items.length > 0 ? list(items) : element("p", {}, "no layer sets it"));
    }
    const values = row.cells.map((cell, index) => [cell, index]).filter(([cell]) => cell !== null && cell[2] !== null);
    if (values.length > 0) {
      add("Values", list(values.map(([cell, index]) =>
        element("span", {}, `${text(data.environments[index])}: `, element("code", {}, text(cell[2]))))));
    }
    return element("tr", { className: "detail" }, cell);
  };

  // laying out a table takes time for each row in it: it has those that are shown, and at first not more than a few
  const FEW = 200;
  const rows = [];
  const groups = [];
  // of a row, its line and its details are made when they are first shown
  const lineOf = (row) => {
    if (row.line !== undefined) return row.line;
    row.button = element("button", { type: "button", "aria-expanded": "false" }, row.key);
    const kind = row.variable ? "variable" : row.secret ? "Secret" : row.undecided ? "ConfigMap?" : "ConfigMap";
    row.line = element("tr", {}, element("th", { scope: "row" }, row.button), element("td", { className: row.secret ? "secret" : "" }, kind), ...row.cells.map((cell) => cellOf(row, cell)));
    row.button.addEventListener("click", () => {
      if (row.button.getAttribute("aria-expanded") === "true") return close(row);
      row.button.setAttribute("aria-expanded", "true");
      row.detail ??= detailOf(row);
      row.line.after(row.detail);
    });
    return row.line;
  };
  const close = (row) => {
    if (row.line === undefined || row.button.getAttribute("aria-expanded") === "false") return;
    row.button.setAttribute("aria-expanded", "false");
    row.detail.remove();
  };
  for (const [heading, keys] of data.groups) {
    const head = element("tr", { className: "group" }, element("th", { scope: "rowgroup", colSpan: columns }, text(heading)));
    const members = keys.map(([key, flags, cells, reasons, steps, history, description, notes]) => {
      const row = { key: text(key), secret: (flags & 1) !== 0, variable: (flags & 2) !== 0, undecided: (flags & 4) !== 0, cells, reasons, steps, history, description, notes };
      row.states = new Set(cells.filter((cell) => cell !== null).map(([state]) => STATES[state]));
      row.words = `${row.key} ${text(heading)} ${description === null ? "" : text(description)}`.toLowerCase();
      rows.push(row);
      return row;
    });
    groups.push({ body: element("tbody", {}, head), head, members });
  }
  const more = element("button", { type: "button" });
  const rest = element("tbody", {}, element("tr", { className: "rest" }, element("td", { colSpan: columns }, more)));

  const words = document.getElementById("words");
  const show = document.getElementById("show");
  const count = document.getElementById("count");
  const filter = (limit) => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const isWanted = (row) => wanted.every((word) => row.words.includes(word))
      && (show.value === "all" || (show.value === "secret" ? row.secret : row.states.has(show.value)));
    const bodies = [];
    let [found, shown] = [0, 0];
    for (const { body: group, head, members } of groups) {
      const matching = members.filter(isWanted);
      const visible = matching.slice(0, Math.max(limit - found, 0));
      const visibleSet = new Set(visible);
      members.filter((row) => !visibleSet.has(row)).forEach(close);
      found += matching.length;
      shown += visible.length;
      if (visible.length === 0) continue;
      const lines = visible.flatMap((row) => {
        const line = lineOf(row);
        return row.button.getAttribute("aria-expanded") === "true" ? [line, row.detail] : [line];
      });
      group.replaceChildren(head, ...lines);
      bodies.push(group);
    }
    more.textContent = `Show the other ${found - shown} keys`;
    if (shown < found) bodies.push(rest);
    table.replaceChildren(table.caption, table.tHead, ...bodies);
    count.textContent = `${found} of ${rows.length} keys`;
    return shown;
  };
  more.addEventListener("click", () => {
    const before = filter(FEW);
    filter(Infinity);
    const lines = table.querySelectorAll("th[scope=row] button");
    lines[Math.min(before, lines.length - 1)]?.focus();
  });
  words.addEventListener("input", () => filter(FEW));
  show.addEventListener("change", () => filter(FEW));
  // on paper nothing can be shown later
  addEventListener("beforeprint", () => filter(Infinity));
  filter(FEW);
  document.body.dataset.ready = String(rows.length);
})();
