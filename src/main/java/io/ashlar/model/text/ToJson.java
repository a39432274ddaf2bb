package io.ashlar.model.text;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** {@code tojson} with the spacing of Python's {@code json.dumps(value, ensure_ascii=False, indent=...)}. */
final class ToJson implements Filter {
    @Override
    public String getName() {
        return "tojson";
    }

    @Override
    public Object filter(@Nullable Object value, JinjavaInterpreter interpreter, String... args) {
        int indent = 0;
        for (String arg : args) {
            if (arg != null && arg.matches("\\d+")) {
                indent = Integer.parseInt(arg);
            }
        }
        return dump(value, indent);
    }

    @Override
    public Object filter(
            @Nullable Object value, JinjavaInterpreter interpreter, Object[] args, Map<String, Object> named) {
        Object indent = named.getOrDefault("indent", args.length > 0 ? args[0] : null);
        return dump(value, indent instanceof Number n ? n.intValue() : 0);
    }

    private static String dump(@Nullable Object value, int indent) {
        StringBuilder out = new StringBuilder();
        write(value, indent, 0, out);
        return out.toString();
    }

    private static void write(@Nullable Object value, int indent, int depth, StringBuilder out) {
        switch (value) {
            case Map<?, ?> map -> {
                out.append('{');
                boolean first = true;
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    separate(first, indent, depth + 1, out);
                    first = false;
                    out.append(quoted(String.valueOf(entry.getKey()))).append(": ");
                    write(entry.getValue(), indent, depth + 1, out);
                }
                close(first, indent, depth, out);
                out.append('}');
            }
            case Iterable<?> list -> {
                out.append('[');
                boolean first = true;
                for (Object item : list) {
                    separate(first, indent, depth + 1, out);
                    first = false;
                    write(item, indent, depth + 1, out);
                }
                close(first, indent, depth, out);
                out.append(']');
            }
            case null -> out.append("null");
            case Number n -> out.append(n);
            case Boolean b -> out.append(b);
            default -> out.append(quoted(value.toString()));
        }
    }

    private static void separate(boolean first, int indent, int depth, StringBuilder out) {
        if (!first) {
            out.append(indent > 0 ? "," : ", ");
        }
        if (indent > 0) {
            out.append('\n').repeat(' ', indent * depth);
        }
    }

    private static void close(boolean empty, int indent, int depth, StringBuilder out) {
        if (!empty && indent > 0) {
            out.append('\n').repeat(' ', indent * depth);
        }
    }

    private static String quoted(String text) {
        return JsonMapper.shared().writeValueAsString(text);
    }
}
