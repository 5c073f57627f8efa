"use strict";
(() => {
  const filters = document.querySelector(".filters");
  if (!filters) return;
  const search = document.getElementById("search");
  const selects = { check: "by-check", standing: "by-standing", operation: "by-operation" };
  for (const [name, id] of Object.entries(selects)) selects[name] = document.getElementById(id);
  const count = document.getElementById("count");
  const findings = [...document.querySelectorAll(".finding")];
  const groups = [...document.querySelectorAll(".group")];
  const texts = new Map(groups.map((group) => [group, [...group.children]
    .filter((child) => child.tagName !== "ARTICLE").map((child) => child.textContent).join(" ")]));
  const all = new Map(findings.map((finding) => [finding,
    (texts.get(finding.closest(".group")) + " " + finding.textContent).toLowerCase()]));

  const isWanted = (finding) =>
    Object.entries(selects).every(([name, select]) => !select.value || finding.dataset[name] === select.value) &&
    search.value.toLowerCase().split(/\s+/).every((word) => all.get(finding).includes(word));

  const show = () => {
    for (const finding of findings) finding.hidden = !isWanted(finding);
    for (const group of groups) group.hidden = !group.querySelector(".finding:not([hidden])");
    const shown = findings.filter((finding) => !finding.hidden).length;
    count.textContent = shown === findings.length
      ? `${shown} finding${shown === 1 ? "" : "s"}` : `${shown} of ${findings.length} findings`;
    document.getElementById("none").hidden = shown > 0;
  };

  filters.hidden = false;
  for (const event of ["input", "change"]) filters.addEventListener(event, show);
  document.getElementById("reset").addEventListener("click", () => {
    search.value = "";
    for (const select of Object.values(selects)) select.value = "";
    show();
    search.focus();
  });
  addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && (target.hidden || target.closest("[hidden]"))) document.getElementById("reset").click();
  });
  show();
})();
