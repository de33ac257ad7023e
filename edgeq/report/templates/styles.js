"use strict";
// Plotly makes style elements of its own; with this page's nonce the policy lets them pass.
(() => {
  const nonce = document.querySelector("style").nonce;
  const create = Document.prototype.createElement;
  Document.prototype.createElement = function (name, options) {
    const element = create.call(this, name, options);
    if (String(name).toLowerCase() === "style") element.nonce = nonce;
    return element;
  };
})();
