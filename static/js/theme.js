// How the desk looks: a change in <form data-appearance> shows at once and is stored by the server,
// which writes the same attributes into the first byte of the next page.

import { toast } from "./toast.js";

const SHOWN = ["theme", "palette", "density", "keys"];

async function store(form) {
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  if (answer.type !== "opaqueredirect" && !answer.ok) throw new Error(String(answer.status));
}

export function startAppearance() {
  document.addEventListener("change", async ({ target }) => {
    const form = target.form;
    if (!form?.matches("[data-appearance]") || !SHOWN.includes(target.name)) return;
    document.documentElement.dataset[target.name] = target.value;
    try {
      await store(form);
    } catch {
      toast({ level: "warn", text: "Shown here, but the server could not keep it. Try again later." });
    }
  });
}
