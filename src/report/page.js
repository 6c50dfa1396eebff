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
  const body = document.getElementById("keys");
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

  const rows = [];
  const groups = [];
  for (const [heading, keys] of data.groups) {
    const head = element("tr", { className: "group" }, element("th", { scope: "rowgroup", colSpan: columns }, text(heading)));
    const group = element("tbody", {}, head);
    const members = [];
    for (const [key, flags, cells, reasons, steps, history, description, notes] of keys) {
      const row = { key: text(key), secret: (flags & 1) !== 0, variable: (flags & 2) !== 0, cells, reasons, steps, history, description, notes };
      const button = element("button", { type: "button", "aria-expanded": "false" }, row.key);
      const kind = row.variable ? "variable" : row.secret ? "Secret" : "ConfigMap";
      row.line = element("tr", {}, element("th", { scope: "row" }, button), element("td", { className: row.secret ? "secret" : "" }, kind), ...cells.map((cell) => cellOf(row, cell)));
      row.states = new Set(cells.filter((cell) => cell !== null).map(([state]) => STATES[state]));
      row.words = `${row.key} ${text(heading)} ${description === null ? "" : text(description)}`.toLowerCase();
      let detail = null;
      button.addEventListener("click", () => {
        const opens = button.getAttribute("aria-expanded") === "false";
        button.setAttribute("aria-expanded", String(opens));
        if (opens) {
          detail ??= detailOf(row);
          row.line.after(detail);
        } else detail.remove();
      });
      row.close = () => { if (button.getAttribute("aria-expanded") === "true") button.click(); };
      members.push(row);
      rows.push(row);
      group.append(row.line);
    }
    groups.push([group, members]);
    body.append(group);
  }

  const words = document.getElementById("words");
  const show = document.getElementById("show");
  const count = document.getElementById("count");
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    let shown = 0;
    for (const row of rows) {
      const isShown = wanted.every((word) => row.words.includes(word))
        && (show.value === "all" || (show.value === "secret" ? row.secret : row.states.has(show.value)));
      if (row.line.hidden === isShown) {
        row.line.hidden = !isShown;
        if (!isShown) row.close();
      }
      shown += isShown ? 1 : 0;
    }
    for (const [group, members] of groups) group.hidden = members.every((row) => row.line.hidden);
    count.textContent = `${shown} of ${rows.length} keys`;
  };
  words.addEventListener("input", filter);
  show.addEventListener("change", filter);
  filter();
  document.body.dataset.ready = String(rows.length);
})();
