"""Names found on the Hub: of columns, of speakers, of marks.

A name is a hint; what stands in the column decides. Names are compared in lower case, with `_` for spaces and
dashes. Earlier names win.
"""

from __future__ import annotations

# Dataset types that each trainer takes as they are.
TAKES = {
    "sft": ("language_modeling", "prompt_completion", "pretokenized"),
    "dpo": ("preference",),
    "reward": ("preference",),
    "kto": ("unpaired_preference", "preference"),
    "grpo": ("prompt_only",),
    "rloo": ("prompt_only",),
    "distillation": ("prompt_only",),
}
PROMPTERS = ("grpo", "rloo", "distillation")
STANDARD_ROLES = ("system", "developer", "user", "assistant", "tool")
# Who speaks, in the words of the layouts found on the Hub.
ROLES = {
    **{role: role for role in STANDARD_ROLES},
    **dict.fromkeys("human prompter instruction question usr customer client patient student asker".split(), "user"),
    **dict.fromkeys(
        "gpt chatgpt gpt4 gpt-4 gpt-3.5 claude llama bing bard gemini model bot ai chatbot answer agent doctor "
        "function_call tool_call output response".split(),
        "assistant",
    ),
    **dict.fromkeys(
        "function function_response function-response observation ipython tool_response tool_result tools".split(),
        "tool",
    ),
    **dict.fromkeys(("system_prompt", "sys"), "system"),
}
# A message is a struct with one of each; a turn is a struct with one of each pair.
SPEAKER_KEYS = ("role", "from", "speaker", "author", "sender")
SPEECH_KEYS = ("content", "value", "text", "message", "utterance")
TURN_KEYS = (
    ("user", "assistant"),
    ("human", "assistant"),
    ("human", "gpt"),
    ("human", "bot"),
    ("user", "bot"),
    ("input", "output"),
    ("prompt", "response"),
    ("prompt", "completion"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("question", "answer"),
)
# What else of a message the chat templates read.
MESSAGE_EXTRAS = ("tool_calls", "name", "tool_call_id", "reasoning_content", "thinking")

CHAT_COLUMNS = tuple(
    "messages conversations conversation dialogue dialog chat chats turns chat_messages message_list "
    "data.messages data dialogs utterances trajectory".split()
)
QUESTION_COLUMNS = tuple(
    "instruction question query prompt problem user_prompt input instructions inputs input.messages user user_input "
    "user_message prompts question.full_text question_text problem_statement problem_text task_description request "
    "inquiry human question_content question_body".split()
)
# Texts that are something to work on: a question only beside an answer.
SOURCE_COLUMNS = "context history post article document dialogue source source_text src ctx".split()
ANSWER_COLUMNS = tuple(
    "output response answer completion responses outputs answers target targets assistant assistant_response "
    "model_response model_output gpt_answer answer_text reply text_output output_text generated_text generation "
    "long_answer best_answer correct_answer human_answers summary highlights tldr sql sql_query tgt target_text "
    "multiple_choice_answer generated_solution canonical_solution generated_answer final_answer "
    "expected_answer solution ground_truth reference_answer".split()
)
CHOICE_COLUMNS = ("choices", "options", "choices.text", "endings", "answer_choices")
CHOSEN_CHOICE = ("answer", "answerkey", "answer_key", "answer_idx", "answer_index", "label", "correct_option", "cop")
# The part that goes before a question (a passage to read) or after an instruction (its input).
CONTEXT_COLUMNS = ("context", "passage", "paragraph", "background", "article", "document", "story", "schema")
INPUT_COLUMNS = ("input", "inputs", "context", "instruction_input", "passage")
SYSTEM_COLUMNS = ("system", "system_prompt", "system_message", "system_instruction", "sys_prompt")
HISTORY_COLUMNS = ("history", "chat_history", "conversation_history")
TEXT_COLUMNS = ("text", "content", "body", "document", "code", "story", "article", "raw_content", "markdown", "page")
# The right answer to check against; of several the shortest is taken.
SOLUTION_COLUMNS = tuple(
    "solution answer final_answer expected_answer ground_truth reference_answer gold gold_answer target answers "
    "reward_model.ground_truth verification_info.ground_truth correct_answer".split()
)
LABEL_COLUMNS = tuple(
    "label labels kto_tag is_good good thumbs thumbs_up thumb feedback desirable is_desirable is_chosen liked like "
    "upvoted vote accepted is_accepted is_correct correct correctness_label preferred is_preferred binary_label "
    "completion_label response_label quality_label".split()
)
RATING_COLUMNS = tuple(
    "rating score overall_score overall_rating quality reward stars rank_score helpfulness preference_score "
    "average_rating avg_rating mean_score human_score grade votes upvotes llm_score response_rating "
    "response_score answer_score quality_score".split()
)
# (word for the better answer, word for the worse one) inside the names of two columns.
BETTER_WORSE = (
    ("chosen", "rejected"),
    ("preferred", "dispreferred"),
    ("preferred", "non_preferred"),
    ("preferred", "unpreferred"),
    ("preferred", "rejected"),
    ("accepted", "rejected"),
    ("better", "worse"),
    ("best", "worst"),
    ("winner", "loser"),
    ("winning", "losing"),
    ("win", "lose"),
    ("good", "bad"),
    ("response_j", "response_k"),
    ("_w", "_l"),
)
# The same, looked for when there is nothing clearer.
RIGHT_WRONG = (("best_answer", "incorrect_answers"), ("correct", "incorrect"), ("correct", "wrong"))
# Words in names that speak about an answer and are not one.
ABOUT = ("model", "score", "rating", "id", "source", "reason", "rationale", "critique", "logp", "reward", "policy")
# Two answers side by side, told apart by their endings.
SIDES = (("_a", "_b"), ("_0", "_1"), ("_1", "_2"), ("a", "b"), ("0", "1"), ("1", "2"))
SIDE_BASES = tuple(
    "response answer output completion human_ref conversation summary generation reply candidate text model_response "
    "assistant solution message".split()
)
SCORE_BASES = ("score", "rating", "winner_model", "winner", "reward", "upvotes", "votes", "overall_score", "pm_score")
WINNER_COLUMNS = tuple(
    "winner better_response_id better preference overall_preference preference_strength choice human_preference "
    "preferred preferred_response chosen_id best_response label labels selected gold_label human_choice".split()
)
CANDIDATE_COLUMNS = tuple(
    "completions responses generations answers candidates outputs all_responses model_responses summaries "
    "generated_responses samples replies".split()
)
CANDIDATE_TEXTS = ("response", "answer", "text", "content", "completion", "output", "generation", "summary", "value")
SCORE_LISTS = tuple(
    "scores ratings rating rewards score all_scores reward overall_score fine_grained_score pm_score upvotes votes "
    "human_scores ranks rank ranking rankings".split()
)
BEST_COLUMNS = ("best_index", "best_idx", "best_response_index", "choice", "best", "preferred_index", "chosen_index")

GOOD_MARKS = frozenset(
    "true yes y 1 +1 1.0 good chosen desirable positive pos up thumbs_up thumbsup thumb_up like liked accepted accept "
    "correct right preferred better win winner upvote upvoted pass passed helpful 👍".split()
)
BAD_MARKS = frozenset(
    "false no n 0 -1 0.0 -1.0 bad rejected undesirable negative neg down thumbs_down thumbsdown thumb_down dislike "
    "disliked refused reject incorrect wrong dispreferred worse lose loser downvote downvoted fail failed unhelpful "
    "👎".split()
)
# Columns that go along with a conversation.
EXTRAS = ("tools", "chat_template_kwargs", "image", "images")
PICTURE_COLUMNS = ("image", "images", "img", "picture", "photo", "pictures", "imgs", "image_path")
# Columns TRL looks for by name: a stray one beside those that are meant changes what it does.
RESERVED = {"messages", "conversations", "prompt", "completion", "chosen", "rejected", "input_ids", "labels"}
# Columns with the names of arguments that TRL gives to rewards.
REWARD_ARGUMENTS = {"prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric"}
REWARD_ARGUMENTS |= {"environments"}


def plain(name: str) -> str:
    """Return a name as the tables write it."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def role_of(name: object) -> str | None:
    """Return the standard role of a speaker, or None when nobody knows who that is."""
    if not isinstance(name, str) or len(name) > 60:
        return None
    word = name.strip().strip("<|>#:").strip().lower()
    return ROLES.get(word) or ROLES.get(word.replace(" ", "_"))
