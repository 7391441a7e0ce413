"""Names found on the Hub: of columns, of speakers, of marks.

A name is a hint; what stands in the column decides. Names are compared in lower case, with `_` for spaces and
dashes. Earlier names win.
"""

from __future__ import annotations

import re
from functools import lru_cache

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
    ("query", "response"),
    ("user", "model"),
    ("User", "Assistant"),
    ("Human", "Assistant"),
    ("user utterance", "system response"),
)
# What else of a message the chat templates read.
MESSAGE_EXTRAS = ("tool_calls", "name", "tool_call_id", "reasoning_content", "thinking")

CHAT_COLUMNS = tuple(
    "messages conversations conversation dialogue dialog chat chats turns chat_messages message_list "
    "data.messages data dialogs utterances trajectory transcript".split()
)
QUESTION_COLUMNS = tuple(
    "instruction question query prompt problem user_prompt input instructions inputs input.messages user user_input "
    "user_message prompts question.full_text question_text problem_statement problem_text task_description request "
    "inquiry human question_content question_body question_stem questions task ask customer patient q input_text "
    "pregunta instrucción frage domanda pergunta вопрос 问题 問題 質問 질문".split()
)
# Texts that are something to work on: a question only beside an answer.
SOURCE_COLUMNS = (
    "context history post article document dialogue source source_text src ctx comment body content title".split()
)
# Names that also stand for short facts, such as who wrote something: their values must be words.
VAGUE_COLUMNS = {*SOURCE_COLUMNS, "user", "human", "customer", "patient", "task"}
# The last word of names such as `user_query` and `llama_answer`.
QUESTION_WORDS = ("question", "query", "prompt", "instruction", "request", "problem")
ANSWER_WORDS = ("answer", "response", "output", "completion", "reply")
ANSWER_COLUMNS = tuple(
    "output response answer completion responses outputs answers target targets assistant assistant_response "
    "model_response model_output gpt_answer answer_text reply text_output output_text generated_text generation "
    "long_answer best_answer correct_answer human_answers summary highlights tldr sql sql_query tgt target_text "
    "multiple_choice_answer generated_solution canonical_solution generated_answer final_answer "
    "expected_answer solution ground_truth reference_answer bot gpt ai agent doctor respuesta antwort réponse reponse "
    "risposta resposta ответ 答案 回答 답변".split()
)
# The same beside a clear question, for texts only.
WEAK_ANSWERS = ("code", "label", "query")
CHOICE_COLUMNS = ("choices", "options", "choices.text", "endings", "answer_choices")
CHOSEN_CHOICE = (
    "answer",
    "answerkey",
    "answer_key",
    "answer_idx",
    "answer_index",
    "label",
    "correct_option",
    "cop",
    "correct",
    "correct_choice_idx",
)
# The part that goes before a question (a passage to read) or after an instruction (its input).
CONTEXT_COLUMNS = (
    "context",
    "passage",
    "paragraph",
    "background",
    "article",
    "document",
    "story",
    "schema",
    "definition",
)
INPUT_COLUMNS = ("input", "inputs", "context", "instruction_input", "passage")
SYSTEM_COLUMNS = ("system", "system_prompt", "system_message", "system_instruction", "sys_prompt")
HISTORY_COLUMNS = ("history", "chat_history", "conversation_history")
TEXT_COLUMNS = tuple(
    "text content body document code story article raw_content markdown page page_content abstract poem lyrics quote "
    "review review_body tweet passage paragraph chunk transcription post sentence caption description".split()
)
# The right answer to check against; of several the shortest is taken.
SOLUTION_COLUMNS = tuple(
    "solution answer final_answer expected_answer ground_truth reference_answer gold gold_answer "
    "gold_standard_solution target answers "
    "reward_model.ground_truth verification_info.ground_truth correct_answer".split()
)
LABEL_COLUMNS = tuple(
    "label labels kto_tag is_good good thumbs thumbs_up thumb feedback desirable is_desirable is_chosen liked like "
    "upvoted vote accepted is_accepted is_correct correct correctness_label preferred is_preferred binary_label "
    "completion_label response_label quality_label is_safe safe".split()
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
    ("pos_", "neg_"),
    ("_w", "_l"),
)
# The same, looked for when there is nothing clearer.
RIGHT_WRONG = (
    ("best_answer", "incorrect_answers"),
    ("correct", "incorrect"),
    ("correct", "wrong"),
    ("positive", "negative"),
)
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
BEST_COLUMNS = tuple(
    "best_index best_idx best_response_index choice best preferred_index chosen_index chosen winner".split()
)

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


@lru_cache(4096)
def plain(name: str) -> str:
    """Return a name as the tables write it; `userQuery` is `user_query`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", name[:100]).strip().lower().replace("-", "_").replace(" ", "_")


def role_of(name: object) -> str | None:
    """Return the standard role of a speaker, or None when nobody knows who that is."""
    if not isinstance(name, str) or len(name) > 60:
        return None
    word = name.strip().strip("<|>#:").strip().lower()
    return ROLES.get(word) or ROLES.get(word.replace(" ", "_"))
