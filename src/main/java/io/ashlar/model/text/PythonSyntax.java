package io.ashlar.model.text;

/** What Jinja2 accepts and Jinjava reads differently, rewritten before parsing. */
final class PythonSyntax {
    private PythonSyntax() {}

    static String toJinjava(String template) {
        return template;
    }
}
