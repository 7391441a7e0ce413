// Opens the two panels about a run, "Show the code" and "Share", from anywhere: their own script is read when one is
// opened for the first time. Draws nothing itself.
//   trl.show_code({query, text} | {run: "owner/job"})      trl.show_share({query, text, run})
// `query` is a recipe's, `text` the script of one that no query holds, or `run` the address of the run that has it.
// props: {later: address of the script}
trl.parts.code = ({ element, props, server, texts }) => {
  let coming = null;
  const read = () => (coming ||= new Promise((done, failed) => {
    const script = trl.h("script", { src: trl.route(props.later), onload: done, onerror: () => {
      coming = null;
      script.remove();
      failed(new Error(texts.lost));
    } });
    document.head.append(script);
  }));
  // Whoever opened a panel gets the focus back when it closes.
  const open = (name) => async (asked) => {
    const opener = document.activeElement;
    try {
      await read();
    } catch {
      return trl.say?.(texts.lost);
    }
    trl[name](asked, { server, texts, opener });
  };
  trl.show_code = open("code_panel");
  trl.show_share = open("share_panel");
};
