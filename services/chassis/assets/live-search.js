// Search as you type: a form that is marked `data-live` is sent as it changes, and what the answer has in place of the
// element that it names is put there; its `data-summary` is told in the form's output, for those who do not see it
// change. Without this script the form is sent by its button, to the same page.
"use strict";

for (const form of document.querySelectorAll("form[data-live]")) {
  const selector = form.dataset.live;
  let timer;
  let underWay = new AbortController();

  const search = async () => {
    underWay.abort();
    underWay = new AbortController();
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const url = `${form.action}?${query}`;
    try {
      const answer = await fetch(url, { headers: { accept: "text/html" }, signal: underWay.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [results, found] = [document.querySelector(selector), page.querySelector(selector)];
      // A page without results is one that says what is wrong: to be seen as a whole.
      if (found === null) return location.assign(url);
      results.replaceWith(document.adoptNode(found));
      form.querySelector("output").textContent = found.dataset.summary;
      history.replaceState(null, "", url);
    } catch (problem) {
      // A search that another one has overtaken is no fault; after any other the button still works.
      if (problem.name !== "AbortError") throw problem;
    }
  };

  const follow = () => {
    clearTimeout(timer);
    timer = setTimeout(search, 200);
  };
  form.addEventListener("input", follow);
  // A choice from a list is not an input everywhere.
  for (const list of form.querySelectorAll("select")) list.addEventListener("change", follow);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search();
  });
}
