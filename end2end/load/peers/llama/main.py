"""llama.cpp's own server with a model that is made on the spot.

The model knows which word follows which, and nothing else: each word is a direction of its own, the one
layer adds nothing, and the output leads to the word behind. So the last word that a person or a tool says
decides what is told, and the same is told each time.
"""

import signal
import sys

import numpy
import xllamacpp
from gguf import GGUFWriter, TokenType

# What is told after which last word. A reply ends with its last word, or goes round for ever.
TOLD = {
    "count": [" one", " two", " three", " four", " five."],
    "recite": [" sing", " and"],
    "look": ["<tool_call>", '{"name": "clock", "arguments": ', '{"zone": "UTC"}', "}", "</tool_call>"],
    "noon": [" It", " is", " twelve."],
}
ROUND = {"recite"}
# The server learns from it how the model calls tools.
TEMPLATE = """
{%- for tool in tools or [] %}{{ tool | tojson }}{% endfor %}
{%- for message in messages %}{{ message.content or "" }}
{%- for call in message.tool_calls or [] %}<tool_call>{"name": {{ call.function.name | tojson }}, "arguments": {{ call.function.arguments | tojson }}}</tool_call>{% endfor %}
{%- endfor %}"""
CONTEXT = 65_536
AT_ONCE = 4
END = 2


def vocabulary():
    """The words with their kinds, and which word follows which."""
    words = [("<unk>", TokenType.UNKNOWN), ("<s>", TokenType.CONTROL), ("</s>", TokenType.CONTROL)]
    words += [(f"<0x{byte:02X}>", TokenType.BYTE) for byte in range(256)]
    after = [END] * len(words)
    for asked, told in TOLD.items():
        first = len(words)
        words += [(word, TokenType.USER_DEFINED) for word in [asked, *told]]
        after += range(first + 1, len(words))
        after.append(first + 1 if asked in ROUND else END)
    return words, after


def write_model(path):
    words, after = vocabulary()
    # A direction for each word, and a width that heads divide.
    width = -(-len(words) // 64) * 64
    model = GGUFWriter(path, "llama")
    model.add_name("echo")
    model.add_context_length(CONTEXT)
    model.add_embedding_length(width)
    model.add_block_count(1)
    model.add_feed_forward_length(64)
    model.add_head_count(width // 64)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_tokenizer_model("llama")
    model.add_token_list([word for word, _ in words])
    model.add_token_scores([0.0] * len(words))
    model.add_token_types([kind for _, kind in words])
    model.add_unk_token_id(0)
    model.add_bos_token_id(1)
    model.add_eos_token_id(END)
    model.add_add_space_prefix(False)
    model.add_chat_template(TEMPLATE)
    directions = numpy.eye(len(words), width, dtype=numpy.float32)
    output = numpy.zeros((len(words), width), dtype=numpy.float32)
    output[after, range(len(words))] = 1.0

    def nothing(rows, columns):
        return numpy.zeros((rows, columns), dtype=numpy.float32)

    ones = numpy.ones(width, dtype=numpy.float32)
    model.add_tensor("token_embd.weight", directions)
    model.add_tensor("output.weight", output)
    model.add_tensor("output_norm.weight", ones)
    model.add_tensor("blk.0.attn_norm.weight", ones)
    model.add_tensor("blk.0.ffn_norm.weight", ones)
    for name in ["attn_q", "attn_k", "attn_v", "attn_output"]:
        model.add_tensor(f"blk.0.{name}.weight", nothing(width, width))
    for name in ["ffn_gate", "ffn_up"]:
        model.add_tensor(f"blk.0.{name}.weight", nothing(64, width))
    model.add_tensor("blk.0.ffn_down.weight", nothing(width, 64))
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


def main():
    path, port = sys.argv[1:]
    write_model(path)
    settings = xllamacpp.CommonParams()
    settings.model.path = path
    settings.model_alias = {"echo"}
    settings.hostnames = ["127.0.0.1"]
    settings.port = int(port)
    settings.n_ctx = CONTEXT
    settings.n_parallel = AT_ONCE
    settings.api_keys = ["sk-llama"]
    settings.sampling.temp = 0.0
    settings.warmup = False
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    signal.sigwait([signal.SIGINT, signal.SIGTERM])


main()
