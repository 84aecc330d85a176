/* Filters above a long table: a field for words, and a list for each column of few values. Without scripts the table is whole. */
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.filtered")) {
    const rows = [...table.tBodies[0].rows];
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const bar = document.createElement("div");
    bar.className = "filters";
    const words = document.createElement("input");
    words.type = "search";
    words.placeholder = "Filter by words";
    words.setAttribute("aria-label", "Filter by words");
    bar.append(words);
    const lists = [];
    heads.forEach((head, column) => {
      const values = [...new Set(rows.map((row) => row.cells[column].textContent.trim()))].sort();
      if (values.length < 2 || values.length > 120 || values.length > rows.length / 2) return;
      const list = document.createElement("select");
      list.setAttribute("aria-label", head);
      list.append(new Option(`${head}: all`, ""), ...values.map((value) => new Option(value, value)));
      lists.push([list, column]);
      bar.append(list);
    });
    const count = document.createElement("span");
    count.setAttribute("role", "status");
    bar.append(count);
    const show = () => {
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        const kept =
          wanted.every((word) => text.includes(word)) &&
          lists.every(([list, column]) => !list.value || row.cells[column].textContent.trim() === list.value);
        row.hidden = !kept;
        shown += kept;
      }
      count.textContent = `${shown} of ${rows.length} rows`;
    };
    bar.addEventListener("input", show);
    (table.closest(".pst-scrollable-table-container") || table).before(bar);
    show();
  }
});
