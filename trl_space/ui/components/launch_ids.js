// The id of a launch: one for each filled form, fixed before the button is pressed and kept in this browser by account
// and recipe, so that a second click, a reload or a second tab never start a second job. An entry is
// {recipe, id, unclear: nobody knows whether it was started, ran: when its run was found, in ms}.
trl.launch_ids = (() => {
  const MOST = 20;
  const FRESH = 20000; // ms for which another tab's press still means the run that was found; later ones mean a new one
  const key = () => "trl-space:launches:" + trl.state.account;
  const mine = new Map(); // for a browser that keeps nothing
  const good = (one) => typeof one?.recipe === "string" && /^[A-Za-z0-9-]{8,64}$/.test(one.id);

  function kept() {
    try {
      const list = JSON.parse(localStorage.getItem(key()) || "[]");
      return Array.isArray(list) ? list.filter(good) : [];
    } catch {
      return [];
    }
  }

  function put(entry) {
    mine.set(key() + entry.recipe, entry);
    try {
      const others = kept().filter((one) => one.recipe !== entry.recipe);
      localStorage.setItem(key(), JSON.stringify([entry, ...others].slice(0, MOST)));
    } catch {
      /* It is known here, until the page is left. */
    }
    return entry;
  }

  const anew = (recipe) => put({ recipe, id: crypto.randomUUID() });
  function of(recipe) {
    const found = kept().find((one) => one.recipe === recipe) || mine.get(key() + recipe);
    return found && !(found.ran && Date.now() - found.ran > FRESH) ? found : anew(recipe);
  }

  return {
    of,
    anew,
    ran: (entry) => put({ recipe: entry.recipe, id: entry.id, ran: Date.now() }),
    doubt: (entry) => put({ recipe: entry.recipe, id: entry.id, unclear: true }),
  };
})();
