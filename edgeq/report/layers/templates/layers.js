"use strict";
(() => {
  function sortBy(header) {
    const body = header.closest("table").tBodies[0];
    const column = [...header.parentNode.children].indexOf(header);
    const isNumber = header.classList.contains("number");
    // Of damage, time and size people look for the largest first.
    const first = header.classList.contains("most-first") ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = header.getAttribute("aria-sort") === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => row.children[column].dataset.key;
    // How Python writes what JavaScript calls Infinity.
    const number = (text) => Number(text.replace("inf", "Infinity"));
    const compare = (a, b) => {
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      return isNumber ? sign * Math.sign(number(key(a)) - number(key(b)) || 0) : sign * key(a).localeCompare(key(b));
    };
    body.append(...[...body.rows].sort(compare));
    for (const one of header.parentNode.children) one.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
  }
  for (const button of document.querySelectorAll("table.sortable th button")) {
    button.addEventListener("click", () => sortBy(button.closest("th")));
  }
})();
