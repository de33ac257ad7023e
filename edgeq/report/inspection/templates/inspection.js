"use strict";
(() => {
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

  for (const input of document.querySelectorAll("input.filter")) {
    input.addEventListener("input", () => filter(input));
  }
})();
