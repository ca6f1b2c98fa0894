// The legs of a strategy: [data-row-act] in a row moves it up or down, or makes a copy behind it, and keeps the focus.
// The order is that of the numbers in the fields' names, so whatever moves takes the number of its new place.

// Of a copy every name and id gets an index of its own; a moved row changes its names with its neighbour's.
function renumber(row, index) {
  for (const element of [row, ...row.querySelectorAll("*")]) {
    for (const { name: key, value } of [...element.attributes]) {
      if (/^legs-\d+-/.test(value)) element.setAttribute(key, value.replace(/legs-\d+-/g, `legs-${index}-`));
    }
  }
  for (const button of row.querySelectorAll("button[name]")) button.value = index;
}

const numberOf = (row) => row.querySelector("button[name]")?.value;

function actOnRow(row, act) {
  const body = row.parentElement;
  if (act === "copy") {
    const index = Number(body.dataset.next ?? body.rows.length);
    const copy = row.cloneNode(true);
    row.querySelectorAll("select").forEach((select, place) => (copy.querySelectorAll("select")[place].value = select.value));
    renumber(copy, index);
    body.dataset.next = index + 1;
    row.after(copy);
    for (let last = body.lastElementChild; last !== copy; last = last.previousElementSibling) swapNumbers(last, copy);
    copy.querySelector("input, select")?.focus();
  } else {
    const other = act === "up" ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    swapNumbers(row, other);
    if (act === "up") other.before(row);
    else other.after(row);
    row.querySelector(`[data-row-act="${act}"]`).focus();
  }
  body.dispatchEvent(new Event("change", { bubbles: true }));
}

function swapNumbers(row, other) {
  const [mine, theirs] = [numberOf(row), numberOf(other)];
  renumber(row, theirs);
  renumber(other, mine);
}

export function startLegRows() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-row-act]");
    if (!button) return;
    event.preventDefault(); // where scripts don't run, the same button asks the server
    actOnRow(button.closest("tr"), button.dataset.rowAct);
  });
}
