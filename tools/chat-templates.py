"""Writes src/test/resources/chat-templates.json: templates in the manner of today's models, and what Jinja2 makes of them.

    python3 tools/chat-templates.py        # needs Debian's python3-jinja2

The environment is set as Hugging Face's tokenizers set it. The templates are written for this project; each uses what
templates of one kind use.
"""
import datetime
import json
import os

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2026, 3, 7, 9, 5, 0)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: NOW.strftime(form)
    return env


TEMPLATES = {
    "chatml, system by default": """{% for message in messages %}
{% if loop.first and messages[0]['role'] != 'system' %}
{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
{% endif %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "headers, dates, trimming": """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}""",
    "instructions that must alternate": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- bos_token }}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
        {{- raise_exception("conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif %}
    {%- set ns.index = ns.index + 1 %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token }}
    {%- endif %}
{%- endfor %}""",
    "turns with renamed roles": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {{ item['text'] | trim }}
        {%- endfor -%}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}""",
    "thoughts removed, loops that go back and break": """{%- set ns = namespace(last=messages|length - 1, found=false) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if not ns.found and message.role == "user" and not(message.content.startswith('<tool>') and message.content.endswith('</tool>')) %}
        {%- set ns.found = true %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "system" %}{% continue %}{% endif %}
    {%- set content = message.content %}
    {%- if message.role == "assistant" and '</think>' in content %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- '<|' + message.role + '|>' + content.strip() + '<|end|>\\n' }}
    {%- if loop.index0 == 3 %}{% break %}{% endif %}
{%- endfor %}
{{- ns.last ~ ':' ~ (messages | length) }}
{%- if add_generation_prompt %}{{ '<|assistant|>\\n' }}{%- endif %}""",
    "json, macros, tests and filters": """{%- macro show(m, mark='*') -%}
{{ mark }}{{ m.role | upper }}={{ m | tojson }}{{ mark }}
{%- endmacro -%}
{%- for m in messages -%}
{{ show(m) }}
{{ show(m, mark='-') }}
{%- if m.content is not none and m.content | length > 5 and m.role in ['user', 'assistant'] %} long{% endif %}
{%- if m.name is not defined %} unnamed{% endif %}
{% endfor %}
{{ {'a': 1, 'b': [true, none, 1.5]} | tojson }}
{{ {'a': 1, 'b': ['x']} | tojson(indent=2) }}
{{ ['x', 'y'] | join(', ') }} {{ messages | map(attribute='role') | list | join('/') }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }}
{{ (messages | last).role }} {{ messages[-1]['content'][:3] }} {{ 7 // 2 }} {{ 'a' if false else 'b' }} {{ "%s-%s" | format('p', 'q') }}
{%- for k, v in {'one': 1, 'two': 2}.items() %} {{ k }}:{{ v }}{% endfor %}""",
    "names, defaults and whitespace": """{% for message in messages %}
  {% if message['role'] == 'user' %}
User: {{ message['content'] }}
  {% else %}
{{ message['role'].title() }}: {{ message.get('content', 'none') | replace('e', '3') }}
  {% endif %}
{% endfor %}
{{ custom | default('fallback') }} {{ undefined_thing }}{# a comment #}
{% set x %}captured {{ messages[0].role }}{% endset %}{{ x }}
{% raw %}{{ not rendered }}{% endraw %}
Assistant:""",
}
CONVERSATIONS = {
    "one question": [{"role": "user", "content": "What is 2 < 3 & \"4\"?"}],
    "with a system message": [
        {"role": "system", "content": "  Be brief.\n"}, {"role": "user", "content": "Hello there"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\n Hi! "}, {"role": "user", "content": " What now? {{ 1 + 1 }} {% raise %}\n"}],
    "not alternating": [{"role": "user", "content": "One."}, {"role": "user", "content": "<tool>na\u00efve \u4f60\u597d</tool>"}],
}
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}


def main():
    cases = []
    for name, source in TEMPLATES.items():
        template = environment().from_string(source)
        for conversation, messages in CONVERSATIONS.items():
            for ask in (True, False):
                case = {"name": f"{name}: {conversation}" + (", asking" if ask else ""), "template": source,
                        "messages": messages, "add_generation_prompt": ask, "special_tokens": SPECIAL}
                try:
                    case["expected"] = template.render(messages=messages, add_generation_prompt=ask, **SPECIAL)
                except jinja2.exceptions.TemplateError as e:
                    case["refusal"] = str(e)
                cases.append(case)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "src", "test", "resources", "chat-templates.json"), "w") as f:
        json.dump({"now": NOW.isoformat(), "cases": cases}, f, indent=1, ensure_ascii=False)
        f.write("\n")


if __name__ == "__main__":
    main()
