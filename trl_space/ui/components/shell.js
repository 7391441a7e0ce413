// Words as a shell takes them apart and puts them together; Python's shlex does the same on the server.
trl.shell = {
  // null when a quotation mark is not closed.
  split(text) {
    const words = [];
    let word = null;
    for (let i = 0; i < text.length; i += 1) {
      const sign = text[i];
      if (sign === "'") {
        const end = text.indexOf("'", i + 1);
        if (end < 0) return null;
        word = (word ?? "") + text.slice(i + 1, end);
        i = end;
      } else if (sign === '"') {
        word ??= "";
        for (i += 1; text[i] !== '"'; i += 1) {
          if (text[i] === "\\" && (text[i + 1] === '"' || text[i + 1] === "\\")) i += 1;
          if (i >= text.length) return null;
          word += text[i];
        }
      } else if (sign === "\\") {
        i += 1;
        if (i >= text.length) return null;
        word = (word ?? "") + text[i];
      } else if (/[ \t\r\n]/.test(sign)) {
        if (word !== null) words.push(word);
        word = null;
      } else word = (word ?? "") + sign;
    }
    return word === null ? words : [...words, word];
  },
  join: (words) => words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`)).join(" "),
};
