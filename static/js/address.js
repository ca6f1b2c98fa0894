// Where this page's stream is, and who asks for it.

const page = Math.random().toString(36).slice(2) + Date.now().toString(36);

/** With where the story stood when the page was made (unless something was missed since), so that nothing between is
 *  lost, and with the page that stood in this tab before: it needs its stream no more, and the server would find out
 *  only later. */
export function streamAddress(isFresh) {
  const { stream, since } = document.documentElement.dataset;
  const url = new URL(stream, location.href);
  if (since && isFresh) url.searchParams.set("since", since);
  url.searchParams.set("after", sessionStorage.getItem("page") ?? "");
  url.searchParams.set("page", page);
  sessionStorage.setItem("page", page);
  return url;
}
