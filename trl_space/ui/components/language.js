// Which language the page speaks: in the header, on a phone at the page's end.
// languages: [{id, name}], language: the one that is spoken.
trl.language = (props, texts, id) => trl.h("select", { class: "t-language", id, "aria-label": texts.language,
  onchange: (event) => trl.speak(event.target.value) },
  props.languages.map((one) => trl.h("option", { value: one.id, lang: one.id, selected: one.id === props.language }, one.name)));
trl.parts.language = ({ element, props, texts }) => element.append(trl.h("div", { class: "t-foot" }, trl.language(props, texts, "trl-language-foot")));
