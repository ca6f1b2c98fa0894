// Puts the parts together. Everything works on the document, so what the server sends later is covered as well.

import { startChain } from "./chain.js";
import { startDialogs } from "./dialog.js";
import { startForms } from "./forms.js";
import { startFinder } from "./finder.js";
import { startKeys } from "./keys.js";
import { startLegRows } from "./leg_rows.js";
import { startMarkets } from "./market.js";
import { startPayoff } from "./payoff.js";
import { startRooms } from "./rooms.js";
import { startRows } from "./rows.js";
import { startStream } from "./stream.js";
import { startAppearance } from "./theme.js";
import { toast } from "./toast.js";

const token = document.querySelector('meta[name="csrf-token"]')?.content;

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (token && detail.verb !== "get") detail.headers["X-CSRFToken"] = token;
});

// The form with its errors comes back with 422, a refusal in words with 409; both are shown where they belong.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if ([409, 422].includes(detail.xhr.status)) Object.assign(detail, { shouldSwap: true, isError: false });
});

function failed({ target, detail }) {
  if (target.matches?.("[data-room]")) return; // asked for again, and says so itself
  if (detail.requestConfig?.verb === "get") {
    toast({ level: "warn", text: "A part of this page could not be refreshed." });
  } else {
    toast({ level: "error", text: "The desk did not confirm it. Look at the journal before you try again." });
  }
}
document.addEventListener("htmx:responseError", failed);
document.addEventListener("htmx:sendError", failed);

startChain();
startDialogs();
startForms();
startFinder();
startKeys();
startLegRows();
startMarkets();
startPayoff();
startRooms();
startRows();
startAppearance();
startStream();
