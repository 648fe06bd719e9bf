#!/usr/bin/env python3
"""Checks a file as OpenAI's fine-tuning takes it: `openai_finetuning.py FILE`. Says what is wrong and exits 1.

Written from the provider's documentation (guide "Supervised fine-tuning", reference of the chat format) and not from the
program it judges. Needs Python alone.
"""

import json
import re
import sys

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
KEYS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls", "weight", "refusal"},
    "tool": {"role", "content", "tool_call_id"},
}


def need(condition, what):
    if not condition:
        raise ValueError(what)


def check_tool(tool):
    need(set(tool) <= {"type", "function"} and tool["type"] == "function", f"tool: {tool}")
    function = tool["function"]
    need(set(function) <= {"name", "description", "parameters", "strict"}, f"function: {function}")
    need(NAME.fullmatch(function["name"]), f"name of a tool: {function['name']!r}")
    need(isinstance(function.get("description", ""), str), "description of a tool")
    need(isinstance(function.get("parameters", {}), dict), "parameters of a tool")
    need(function.get("parameters", {}).get("type", "object") == "object", "parameters are no JSON schema of an object")


def check_calls(message):
    ids = []
    for call in message.get("tool_calls", []):
        need(set(call) == {"id", "type", "function"} and call["type"] == "function", f"call: {call}")
        need(isinstance(call["id"], str) and call["id"] and call["id"] not in ids, f"id of a call: {call['id']!r}")
        need(len(call["id"]) <= 40, f"an id of more than 40 characters: {call['id']!r}")
        need(set(call["function"]) == {"name", "arguments"}, f"call: {call}")
        need(NAME.fullmatch(call["function"]["name"]), f"name in a call: {call['function']['name']!r}")
        need(isinstance(json.loads(call["function"]["arguments"]), dict), "arguments are no object")
        ids.append(call["id"])
    need("tool_calls" not in message or ids, "an empty list of calls")
    return ids


def check_line(line):
    example = json.loads(line)
    need(set(example) <= {"messages", "tools", "parallel_tool_calls"}, f"keys: {set(example)}")
    messages = example["messages"]
    need(isinstance(messages, list) and messages, "no messages")
    tools = example.get("tools", [])
    need(len(tools) <= 128, "more than 128 tools")
    need("tools" not in example or tools, "an empty list of tools")
    for tool in tools:
        check_tool(tool)
    names = [tool["function"]["name"] for tool in tools]
    need(len(names) == len(set(names)), "a tool twice")
    waiting = []
    for message in messages:
        role = message["role"]
        need(role in KEYS, f"role {role!r}")
        need(set(message) <= KEYS[role], f"keys of {role}: {set(message)}")
        content = message.get("content")
        need(isinstance(content, str) or content is None and message.get("tool_calls"), f"content of {role}: {content!r}")
        if role == "tool":
            need(message["tool_call_id"] in waiting, f"a result without its call: {message['tool_call_id']}")
            waiting.remove(message["tool_call_id"])
        else:
            need(not waiting, f"calls without a result: {waiting}")
            waiting = check_calls(message)
    need(messages[-1]["role"] == "assistant", "the last message is not the model's")
    need(any(message["role"] == "user" for message in messages), "nobody asks")


def main(path):
    count = 0
    with open(path, encoding="utf-8", errors="strict") as lines:
        for number, line in enumerate(lines, 1):
            try:
                check_line(line)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                sys.exit(f"{path}:{number}: {error!r}")
            count += 1
    print(f"{count} examples")


main(sys.argv[1])
