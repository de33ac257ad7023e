"use strict";
(() => {
  function sortBy(header) {
    const body = header.closest("table").tBodies[0];
    const column = [...header.parentNode.children].indexOf(header);
    const isNumber = header.classList.contains("number");
    // Of numbers people look for the largest first.
    const first = isNumber && column > 0 ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = header.getAttribute("aria-sort") === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => row.children[column].dataset.key;
    const compare = (a, b) => {
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      return sign * (isNumber ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b)));
    };
    body.append(...[...body.rows].sort(compare));
    for (const one of header.parentNode.children) one.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
  }

  function filter(input) {
    const wanted = input.value.trim().toLowerCase();
    const place = input.closest(".find");
    const rows = place.nextElementSibling.querySelector("table").tBodies[0].rows;
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += !row.hidden;
    }
    place.querySelector("output").textContent = wanted ? shown + " of " + rows.length : "";
  }

  function printing(isPrinting) {
    for (const details of document.querySelectorAll("details")) {
      if (isPrinting) details.dataset.was = details.open ? "open" : "";
      details.open = isPrinting || details.dataset.was === "open";
    }
  }

  for (const button of document.querySelectorAll("table.sortable th button")) {
    button.addEventListener("click", () => sortBy(button.closest("th")));
  }
  for (const input of document.querySelectorAll("input.filter")) {
    input.addEventListener("input", () => filter(input));
  }
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
})();
