"""Mistakes in what a spec means: expressions, what is missing or disagrees, names, expectations, other words."""

from __future__ import annotations

EXPECT = "expect:\n- that: a.n_params\n  at_least: 1\n"
UNREADABLE = "models.a.d_ff: '{}' is not a number that can be read here; did you mean '{}'?"


def named(foreign: str, ours: str) -> str:
    """The message about an input that has another name here."""
    return f"models.a.{foreign}: unknown key '{foreign}'; did you mean '{ours}'?"


# What is replaced by what in the valid spec, «» around the place that the message points at; the message.
OF_MEANING = [
    # expressions: syntax
    (
        {"4 * d_model": "4 * d_model +«»"},
        "models.a.d_ff: this is not an expression; check brackets, operators and commas",
    ),
    ({"4 * d_model": "4 * «(»d_model"}, "models.a.d_ff: a bracket is not closed; add ')'"),
    (
        {"4 * d_model": "'«4 * d_model % 3»'"},
        "models.a.d_ff: the operator '%' is not part of the language; "
        "write a - b * floor(a / b) for the remainder of a division",
    ),
    (
        {"4 * d_model": '"«4 * d_model // 64» * 64"'},
        "models.a.d_ff: the operator '//' is not part of the language; write floor(a / b)",
    ),
    (
        {"4 * d_model": '«"4 * d_model \\x25 3"»'},
        "models.a.d_ff: the operator '%' is not part of the language, at column 1 of '4 * d_model % 3'; "
        "write a - b * floor(a / b) for the remainder of a division",
    ),
    (
        {"4 * d_model": "«>»\n      4 *\n      d_model % 3"},
        "models.a.d_ff: the operator '%' is not part of the language, at column 1 of '4 * d_model % 3 '; "
        "write a - b * floor(a / b) for the remainder of a division",
    ),
    ({"4 * d_model": "«''»"}, "models.a.d_ff: an empty formula; write a number, a name or an expression"),
    # expressions: meaning
    (
        {"4 * d_model": "4 * «d_modell»"},
        "models.a.d_ff: 'd_modell' is not a number that can be read here; did you mean 'd_model'?",
    ),
    (
        {"4 * d_model": "«sum»(d_model)"},
        "models.a.d_ff: sum(…) has nothing to aggregate in an input; write a number or an expression of other inputs",
    ),
    (
        {"4 * d_model": "«d_model < 256»"},
        "models.a.d_ff: 'd_model < 256' is true or false, not a number; write where(condition, a, b)",
    ),
    (
        {
            "vocab_size: 100": "vocab_size: 3 * d_model",
            "d_model: 64": "d_model: «max_positions»",
            "ffn: gelu": "ffn: gelu\n    max_positions: vocab_size / 3",
        },
        "models.a.d_model: a cycle: d_model → max_positions → vocab_size → d_model; break it at one of them",
    ),
    ({"4 * d_model": "«d_ff»"}, "models.a.d_ff: a cycle: d_ff → d_ff; break it at one of them"),
    (
        {"n_heads: 4": "n_heads: «n_kv_heads»"},
        "models.a.n_heads: a cycle: n_heads → n_kv_heads → n_heads; break it at one of them",
    ),
    (
        {"4 * d_model": "«256 / (n_heads - 4)»"},
        "models.a.d_ff: '256 / (n_heads - 4)' has no finite value; check for a division by zero or a number "
        "out of range",
    ),
    (
        {"4 * d_model": "«1e200 * 1e200»"},
        "models.a.d_ff: '1e200 * 1e200' has no finite value; check for a division by zero or a number out of range",
    ),
    (
        {"4 * d_model": "«(0 - 64)^0.5»"},
        "models.a.d_ff: '(0 - 64)^0.5' has no finite value; check for a division by zero or a number out of range",
    ),
    (
        {"4 * d_model": "«8 * d_model / 3»"},
        "models.a.d_ff: 8 * d_model / 3 = 170.666666666667 is not a whole number; write 170 or 171",
    ),
    ({"n_heads: 4": "n_heads: «63 - d_model»"}, "models.a.n_heads: 63 - d_model = -1 is out of range; write 0 or more"),
    (
        {"ffn: gelu": "ffn_matrices: «n_heads / 4»"},
        "models.a.ffn_matrices: n_heads / 4 = 1 is not a choice; choices: 0, 2, 3",
    ),
    ({"ffn: gelu": "ffn_matrices: «n_heads»"}, "models.a.ffn_matrices: n_heads = 4 is not a choice; choices: 0, 2, 3"),
    # what must be there
    ({"    n_heads: 4\n": "", "  a": "  «a»"}, "models.a: n_heads is missing; write it here or under defaults:"),
    (
        {"ffn: gelu": "ffn: gelu\n  «b»: {}"},
        "models.b: n_layers, d_model, n_heads, d_ff, ffn are missing; write them here or under defaults:",
    ),
    ({"version: 1\nc": "«c»"}, "version is missing; write version: 1"),
    (
        {"version: 1\ncontext_lengths: [1024]\n": "«v»ersion: 1\n"},
        "context_lengths is missing; write context_lengths: [8192]",
    ),
    ({"version: 1": "version: «2»"}, "version: this version of the format is unknown; write version: 1"),
    ({"version: 1": "version: «'1'»"}, "version: this version of the format is unknown; write version: 1"),
    ({"version: 1": "version: «true»"}, "version: this version of the format is unknown; write version: 1"),
    (
        {"ffn: gelu": "ffn: gelu\n    layers:\n    - «{»d_ff: 3}"},
        "models.a.layers[0]: n_layers is missing; write n_layers: …",
    ),
    (
        {"ffn: gelu": "layers:\n    - {n_layers: 1, ffn: gelu}\n    - {n_layers: 1}", "  a": "  «a»"},
        "models.a: ffn is missing; write it here or under defaults:",
    ),
    # what must agree
    (
        {"n_layers: 2": "n_layers: «2»", "ffn: gelu": "ffn: gelu\n    layers:\n    - {n_layers: 3}"},
        "models.a.n_layers: n_layers is 2, but the groups under layers: have 3; remove n_layers, or correct a group",
    ),
    (
        {"n_layers: 2\n": "n_layers: «2 * 2»\n    layers: [n_layers: 1, n_layers: 2]\n"},
        "models.a.n_layers: n_layers is 4, but the groups under layers: have 3; remove n_layers, or correct a group",
    ),
    ({"ffn: gelu": "ffn: gelu\n    layers: «[»]"}, "models.a.layers: there are no entries; write at least one"),
    (
        {"ffn: gelu": "ffn: gelu\n    layers:\n    - {n_layers: 1, name: group 2}\n    - «{»n_layers: 1}"},
        "models.a.layers[1]: another layer group is called 'group 2'; write another name:",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    positions: «learned»"},
        "models.a.positions: positions are learned, but max_positions is 0; "
        "write max_positions: …, the rows of the position table",
    ),
    (
        {"ffn: gelu": "«ffn»: gelu\n    ffn_matrices: 2"},
        "models.a.ffn: ffn and ffn_matrices set the same thing; keep one of the two",
    ),
    # names
    (
        {"  a:": "  «a*»:", EXPECT: ""},
        "models.a*: 'a*' contains '*', which a spreadsheet reads as a pattern; choose another name",
    ),
    (
        {"  a:": "  «'~a'»:", EXPECT: ""},
        "models.~a: '~a' contains '~', which a spreadsheet reads as a pattern; choose another name",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n  «A»: {extends: a}"},
        "models.A: 'A' and 'a' are the same name to a spreadsheet; choose names that differ in more than case",
    ),
    (
        {"  a:": '  «"a\\nb"»:', EXPECT: ""},
        "models.a b: 'a b' contains a line break or another character that does not print; choose another name",
    ),
    (
        {"  a:": '  «"a "»:', EXPECT: ""},
        "models.a : 'a ' begins or ends with a space; choose another name",
    ),
    (
        {"  a:": "  «''»:", EXPECT: ""},
        "models.: the name is empty; choose another name",
    ),
    (
        {
            "  a:": "  «aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa»:",
            EXPECT: "",
        },
        "models.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…: the name has 65 characters; "
        "at most 64 are allowed",
    ),
    # expectations
    (
        {"a.n_params": "«n_params»"},
        "expect[0].that: 'n_params' does not name a number; write MODEL.METRIC, such as gpt2-xl.n_params",
    ),
    ({"a.n_params": "«b.n_params»"}, "expect[0].that: no model is called 'b'; known: a"),
    (
        {"a.n_params": "«a.n_parms»"},
        "expect[0].that: no metric of a model or scenario is called 'n_parms'; did you mean 'n_params'?",
    ),
    (
        {"  at_least: 1\n": "", "a.n_params": "«a.n_params»"},
        "expect[0].that: the expectation has no condition; write equals:, at_least:, at_most:, at_least_change: or "
        "at_most_change:",
    ),
    ({"at_least: 1": "equals: «many»"}, "expect[0].equals: n_params is a number, but 'many' is not; write a number"),
    (
        {"at_least: 1": "equals: «true»"},
        "expect[0].equals: true is neither a number nor a text; write what the metric should be",
    ),
    ({"at_least: 1": "equals: 1\n  at_most: «one»"}, "expect[0].at_most: 'one' is not a number; write a number"),
    (
        {"a.n_params": "a.dominant", "at_least: 1": "at_least: «1»"},
        "expect[0].at_least: dominant is a text, but 1 is not; write equals: and a text",
    ),
    (
        {"[1024]": "[1024, 2048]", "a.n_params": "«a.flops_forward»"},
        "expect[0].that: the number depends on the context length; write one of context_length: 1024, 2048",
    ),
    (
        {"a.n_params": "a.flops_forward\n  context_length: «512»"},
        "expect[0].context_length: 512 is not a context length of this spec; write one of context_length: 1024",
    ),
    (
        {"a.n_params": "a.n_params\n  context_length: «1024»"},
        "expect[0].context_length: n_params does not depend on the context length; remove context_length",
    ),
    ({"- that: a.n_params": "- «n»ote: published"}, "expect[0]: that is missing; write that: NAME.METRIC"),
    (
        {"a.n_params": "«a.n_layers»"},
        "expect[0].that: n_layers is an input, not a metric; name a metric (flopsheet list metrics)",
    ),
    (
        {"at_least: 1": "at_least: 1\n  within: «0.1»"},
        "expect[0].within: this is the tolerance of equals:, which is missing; write equals:, or remove it",
    ),
    # what is written, or called, otherwise elsewhere
    ({"n_heads: 4": "n_heads: 4\n    «tie_word_embeddings»: true"}, named("tie_word_embeddings", "tie_embeddings")),
    ({"d_model: 64": "«hidden_size»: 64"}, named("hidden_size", "d_model")),
    ({"n_layers: 2": "«num_hidden_layers»: 2"}, named("num_hidden_layers", "n_layers")),
    ({"n_heads: 4": "«num_attention_heads»: 4"}, named("num_attention_heads", "n_heads")),
    ({"d_ff: 4 * d_model": "«intermediate_size»: 8"}, named("intermediate_size", "d_ff")),
    ({"d_ff: 4 * d_model": "d_ff: 4 * «hidden_size»"}, UNREADABLE.format("hidden_size", "d_model")),
    ({"  a:": "  b: {«base»: a}\n  a:"}, "models.b.base: unknown key 'base'; did you mean 'extends'?"),
    ({"d_model: 64": "d_model: «4,096»"}, "models.a.d_model: '4,096' is not a number; write 4096"),
    ({"d_model: 64": "d_model: «4_096»"}, "models.a.d_model: '4_096' is not a number; write 4096"),
    (
        {"d_model: 64": "d_model: «4k»"},
        "models.a.d_model: '4k' is 4,000 to some and 4,096 to others; write 4000 or 4Ki",
    ),
    ({"4 * d_model": "«=»4 * d_model"}, "models.a.d_ff: a formula does not begin with '='; remove it"),
    ({"[1024]": "[«'1024'»]"}, "context_lengths[0]: '1024' is not a number; remove the quotes"),
    ({"at_least: 1": "at_least: «40%»"}, "expect[0].at_least: '40%' is not a number; write 0.4"),
    ({"n_heads: 4": "«n_heads = 4»:"}, "models.a.n_heads = 4: unknown key 'n_heads = 4'; write n_heads: 4"),
    # what stands in another place
    (
        {"d_model: 64": "d_model: «[»64, 128]"},
        "models.a.d_model: a list is not a number; write one, or the list under sweep:",
    ),
    (
        {"version: 1": "version: 1\nbatch_size: «[»1, 2]"},
        "batch_size: a list is not a number; write one spec for each value",
    ),
    ({"defaults:": "«sweep»: {d_model: [1]}\ndefaults:"}, "sweep: a sweep belongs to a model or run; write it there"),
    (
        {"  vocab_size: 100": "  vocab_size: 100\n  «sweep»: {d_model: [1]}"},
        "defaults.sweep: a sweep belongs to a model or run; write it there",
    ),
    (
        {"  a:": "  b: «llama-3-70b»\n  a:"},
        "models.b: 'llama-3-70b' where a mapping is expected; write {model: llama-3-70b}",
    ),
    ({"  a:": "  b: «a»\n  a:"}, "models.b: 'a' where a mapping is expected; write {extends: a}"),
    (
        {"  a:": "  b: {extends: «llama-3-70b»}\n  a:"},
        "models.b.extends: 'llama-3-70b' is a model of the library; write model: llama-3-70b",
    ),
    (
        {EXPECT: "expect: «{»that: a.n_params, at_least: 1}"},
        "expect: a mapping where a list is expected; begin each entry with '- '",
    ),
    ({"version: 1": "version: 1\ntitle:«»"}, "title: an empty value is not a text; write one, or remove the key"),
    (
        {"  a:": "  b: {extends: a, d_ff: «min(8», d_model, 9)}\n  a:"},
        "models.b.d_ff: a comma between { } ends the value; put the formula in quotes: 'min(8, d_model, 9)'",
    ),
]
