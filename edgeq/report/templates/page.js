"use strict";
// What every page does: a click on a heading sorts its table, and print shows what is folded.
(() => {
  function sortBy(header) {
    const body = header.closest("table").tBodies[0];
    const column = [...header.parentNode.children].indexOf(header);
    const isNumber = header.classList.contains("number");
    const first = header.classList.contains("most-first") ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = header.getAttribute("aria-sort") === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => row.children[column].dataset.key;
    const compare = (a, b) => {
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      // Two infinite ones differ by NaN, which sorts as 0.
      return sign * (isNumber ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b)));
    };
    body.append(...[...body.rows].sort(compare));
    for (const row of body.rows) row.classList.remove("group"); // the lines between groups of rows
    for (const one of header.parentNode.children) one.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
  }

  function unfold(isPrinting) {
    for (const details of document.querySelectorAll("details")) {
      if (isPrinting) details.dataset.was = details.open ? "open" : "";
      details.open = isPrinting || details.dataset.was === "open";
    }
  }

  for (const button of document.querySelectorAll("table.sortable th button")) {
    button.addEventListener("click", () => sortBy(button.closest("th")));
  }
  addEventListener("beforeprint", () => unfold(true));
  addEventListener("afterprint", () => unfold(false));
})();
