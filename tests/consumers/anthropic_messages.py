#!/usr/bin/env python3
"""Checks a file as Anthropic's Messages API takes it: `anthropic_messages.py FILE`. Says what is wrong and exits 1.

Written from the provider's reference and not from the program it judges. Needs Python alone.
"""

import json
import re
import sys

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ID = re.compile(r"[a-zA-Z0-9_-]+")


def need(condition, what):
    if not condition:
        raise ValueError(what)


def check_tools(tools):
    for tool in tools:
        need(set(tool) <= {"name", "description", "input_schema"}, f"tool: {tool}")
        need(NAME.fullmatch(tool["name"]), f"name of a tool: {tool['name']!r}")
        need(tool["input_schema"].get("type") == "object", f"input_schema of {tool['name']}")
    names = [tool["name"] for tool in tools]
    need(len(names) == len(set(names)), "a tool twice")


def check_answer(content):
    """The calls it makes."""
    calls = []
    for block in content:
        if block["type"] == "text":
            need(set(block) == {"type", "text"} and block["text"].strip(), f"text: {block}")
            continue
        need(set(block) == {"type", "id", "name", "input"} and block["type"] == "tool_use", f"block: {block}")
        need(isinstance(block["input"], dict), "input is no object")
        need(NAME.fullmatch(block["name"]) and ID.fullmatch(block["id"]), f"call: {block}")
        need(block["id"] not in calls, "an id twice")
        calls.append(block["id"])
    return calls


def check_question(content, waiting):
    said = False
    for block in content:
        if block["type"] == "text":
            need(set(block) == {"type", "text"} and block["text"].strip(), f"text: {block}")
            said = True
            continue
        need(set(block) == {"type", "tool_use_id", "content"} and block["type"] == "tool_result", f"block: {block}")
        need(not said, "a result behind a text")
        need(block["tool_use_id"] in waiting, f"a result without its call: {block['tool_use_id']}")
        waiting.remove(block["tool_use_id"])
    need(not waiting, f"calls without a result: {waiting}")


def check_line(line):
    request = json.loads(line)
    need(set(request) <= {"system", "messages", "tools"}, f"keys: {set(request)}")
    need("system" not in request or request["system"].strip(), "an empty system prompt")
    check_tools(request.get("tools", []))
    messages = request["messages"]
    waiting = []
    for at, message in enumerate(messages):
        need(set(message) == {"role", "content"} and message["content"], f"message: {message}")
        need(message["role"] == ("assistant" if at % 2 else "user"), "user and assistant do not take turns")
        if message["role"] == "assistant":
            waiting = check_answer(message["content"])
        else:
            check_question(message["content"], waiting)
    need(messages and messages[-1]["role"] == "assistant", "the last message is not the model's")


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
