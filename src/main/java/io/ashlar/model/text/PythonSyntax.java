package io.ashlar.model.text;

import java.util.regex.Pattern;

/**
 * Rewrites what Jinjava parses differently from Jinja2. A named argument binds tighter there than an operator does:
 * {@code f(last=n - 1)} becomes {@code f((last=n) - 1)}. So the value of each named argument that is an expression is put in
 * parentheses. And a list read backwards, {@code messages[::-1]}, becomes {@code messages|reverse}.
 */
final class PythonSyntax {
    private static final Pattern PLAIN = Pattern.compile("\\s*(?:[\\w.]+|'[^']*'|\"[^\"]*\")\\s*");

    private static final String BACKWARDS = "[::-1]";

    private final String source;
    private final StringBuilder out = new StringBuilder();
    private int at;

    private PythonSyntax(String source) {
        this.source = source;
    }

    static String toJinjava(String template) {
        return new PythonSyntax(template).rewrite();
    }

    private String rewrite() {
        while (at < source.length()) {
            if (source.startsWith("{{", at) || source.startsWith("{%", at)) {
                String end = source.charAt(at + 1) == '{' ? "}}" : "%}";
                copy(2);
                expression(end);
            } else if (source.startsWith("{#", at)) {
                int close = source.indexOf("#}", at);
                copy((close < 0 ? source.length() : close + 2) - at);
            } else {
                copy(1);
            }
        }
        return out.toString();
    }

    private void copy(int count) {
        out.append(source, at, at + count);
        at += count;
    }

    /** Copies up to the tag's end, or to the closing bracket of a nested expression, which stays to be copied. */
    private void expression(String end) {
        while (at < source.length() && !source.startsWith(end, at)) {
            char c = source.charAt(at);
            if (c == '\'' || c == '"') {
                string(c);
            } else if (c == '(') {
                copy(1);
                arguments();
            } else {
                plain();
            }
        }
    }

    private void plain() {
        if (source.startsWith(BACKWARDS, at)) {
            out.append("|reverse");
            at += BACKWARDS.length();
        } else {
            copy(1);
        }
    }

    private void string(char quote) {
        int from = at++;
        while (at < source.length() && source.charAt(at) != quote) {
            at += source.charAt(at) == '\\' ? 2 : 1;
        }
        at = Math.min(at + 1, source.length());
        out.append(source, from, at);
    }

    /** The inside of a pair of parentheses, and its end. */
    private void arguments() {
        int valueStart = -1;
        int depth = 0;
        while (at < source.length()) {
            char c = source.charAt(at);
            boolean ends = depth == 0 && (c == ',' || c == ')');
            if (ends && valueStart >= 0) {
                String value = out.substring(valueStart);
                if (!PLAIN.matcher(value).matches()) {
                    out.insert(valueStart, '(').append(')');
                }
                valueStart = -1;
            }
            if (c == '\'' || c == '"') {
                string(c);
            } else if (c == '(') {
                copy(1);
                arguments();
            } else if (source.startsWith(BACKWARDS, at)) {
                plain();
            } else if (ends && c == ')') {
                copy(1);
                return;
            } else {
                if (c == '[' || c == '{') {
                    depth++;
                } else if (c == ']' || c == '}') {
                    depth--;
                }
                boolean names = depth == 0 && c == '=' && valueStart < 0 && isSingleEquals();
                copy(1);
                if (names) {
                    valueStart = out.length();
                }
            }
        }
    }

    private boolean isSingleEquals() {
        char before = at > 0 ? source.charAt(at - 1) : ' ';
        char after = at + 1 < source.length() ? source.charAt(at + 1) : ' ';
        return after != '=' && before != '=' && before != '!' && before != '<' && before != '>';
    }
}
