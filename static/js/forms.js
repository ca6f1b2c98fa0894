// Forms: one click sends once, the first wrong field gets the focus, and tables of rows can grow and shrink.
// Rows: <tbody id="legs"> with <template data-row="legs"> whose names hold __index__, a [data-add-row="legs"]
// button, and [data-remove-row] in each row. The index only ever rises, so that no two rows share a name.

const SENT_BY_HTMX = "[hx-post], [hx-put], [hx-patch], [hx-delete]";

function guard(event) {
  const { target: form, submitter } = event;
  if (form.getAttribute("method")?.toLowerCase() !== "post" && !form.matches(SENT_BY_HTMX)) return;
  if (form.hasAttribute("data-sending")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.setAttribute("data-sending", "");
  const button = submitter ?? form.querySelector("[type=submit], button:not([type])");
  if (button) setTimeout(() => wait(button, event), 0); // after the browser has read the button's own name and value
}

function wait(button, event) {
  const taken = !event.defaultPrevented || button.closest(SENT_BY_HTMX);
  if (!taken) return release(button.form);
  button.dataset.busy = button.dataset.sending ?? "Sending…"; // shown over its words, so that it keeps its width
  button.disabled = true;
}

function release(form) {
  form.removeAttribute("data-sending");
  for (const button of form.querySelectorAll("[data-busy]")) {
    button.disabled = false;
    delete button.dataset.busy;
  }
}

const releaseAll = () => document.querySelectorAll("form[data-sending]").forEach(release);

function focusFirstError(within) {
  within.querySelector?.('[aria-invalid="true"]:not([type="hidden"])')?.focus();
}

function addRow(name) {
  const body = document.getElementById(name);
  const template = document.querySelector(`template[data-row="${CSS.escape(name)}"]`);
  if (!body || !template) return;
  const index = Number(body.dataset.next ?? body.rows.length);
  body.dataset.next = index + 1;
  const row = template.content.firstElementChild.cloneNode(true);
  for (const element of [row, ...row.querySelectorAll("*")]) {
    for (const { name: key, value } of [...element.attributes]) {
      if (value.includes("__index__")) element.setAttribute(key, value.replaceAll("__index__", index));
    }
  }
  body.append(row);
  window.htmx?.process(row);
  row.querySelector("input:not([type=hidden]), select")?.focus();
  body.dispatchEvent(new Event("change", { bubbles: true }));
}

function removeRow(row) {
  const body = row.parentElement;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  (next?.querySelector("[data-remove-row]") ?? document.querySelector(`[data-add-row="${body.id}"]`))?.focus();
  body.dispatchEvent(new Event("change", { bubbles: true }));
}

function rowButtons(event) {
  const add = event.target.closest?.("[data-add-row]");
  if (add) addRow(add.dataset.addRow);
  const row = event.target.closest?.("[data-remove-row]")?.closest("tr");
  if (row) removeRow(row);
  if (add || row) event.preventDefault(); // where scripts don't run, the same buttons ask the server for the row
}

export function startForms() {
  document.addEventListener("submit", guard, true);
  document.addEventListener("click", rowButtons);
  document.addEventListener("change", ({ target }) => target.matches("[data-submit-on-change]") && target.form.requestSubmit());
  document.addEventListener("htmx:afterRequest", ({ target }) => target.matches?.("form") && release(target));
  document.addEventListener("htmx:afterSettle", ({ target }) => focusFirstError(target));
  addEventListener("pageshow", releaseAll);
  focusFirstError(document);
}
