package io.ashlar.model.text;

import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jinjava.javax.el.CompositeELResolver;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import org.jspecify.annotations.Nullable;

/** Python's methods of strings and dictionaries, as far as chat templates call them. */
final class PythonMethods extends ELResolver {
    private PythonMethods() {}

    static ELResolver resolver() {
        CompositeELResolver both = new CompositeELResolver();
        both.add(new PythonMethods());
        both.add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
        return both;
    }

    @Override
    public @Nullable Object invoke(ELContext context, Object base, Object method, Class<?>[] types, Object[] params) {
        Object result = null;
        boolean known = false;
        String name = String.valueOf(method);
        if (base instanceof CharSequence text) {
            result = string(text.toString(), name, params);
            known = result != null;
        } else if (base instanceof Map<?, ?> map) {
            known = true;
            switch (name) {
                case "get" -> result = map.containsKey(key(params)) ? map.get(key(params)) : argument(params, 1, null);
                case "keys" -> result = new ArrayList<>(map.keySet());
                case "values" -> result = new ArrayList<>(map.values());
                case "items" ->
                    result = map.entrySet().stream()
                            .map(e -> Arrays.asList(e.getKey(), e.getValue()))
                            .toList();
                default -> known = false;
            }
        }
        if (known) {
            context.setPropertyResolved(true);
        }
        return result;
    }

    private static @Nullable Object key(@Nullable Object[] params) {
        Object key = argument(params, 0, null);
        return key == null ? null : key.toString();
    }

    private static @Nullable Object argument(@Nullable Object[] params, int index, @Nullable Object otherwise) {
        return params != null && index < params.length ? params[index] : otherwise;
    }

    private static @Nullable Object string(String s, String method, @Nullable Object[] params) {
        Object first = argument(params, 0, null);
        String text = first == null ? null : first.toString();
        return switch (method) {
            case "strip" -> rightStrip(leftStrip(s, text), text);
            case "lstrip" -> leftStrip(s, text);
            case "rstrip" -> rightStrip(s, text);
            case "startswith" -> text != null && s.startsWith(text);
            case "endswith" -> text != null && s.endsWith(text);
            case "upper" -> s.toUpperCase(Locale.ROOT);
            case "lower" -> s.toLowerCase(Locale.ROOT);
            case "title" -> title(s);
            case "capitalize" ->
                s.isEmpty()
                        ? s
                        : s.substring(0, 1).toUpperCase(Locale.ROOT)
                                + s.substring(1).toLowerCase(Locale.ROOT);
            case "replace" -> s.replace(text == null ? "" : text, String.valueOf(argument(params, 1, "")));
            case "split" -> split(s, text, argument(params, 1, null) instanceof Number n ? n.intValue() : -1);
            case "find" -> s.indexOf(text == null ? "" : text);
            case "count" ->
                text == null || text.isEmpty() ? 0 : s.split(java.util.regex.Pattern.quote(text), -1).length - 1;
            case "join" ->
                first instanceof Iterable<?> items
                        ? String.join(
                                s,
                                java.util.stream.StreamSupport.stream(items.spliterator(), false)
                                        .map(String::valueOf)
                                        .toList())
                        : null;
            default -> null;
        };
    }

    private static String leftStrip(String s, @Nullable String characters) {
        int from = 0;
        while (from < s.length() && strips(s.charAt(from), characters)) {
            from++;
        }
        return s.substring(from);
    }

    private static String rightStrip(String s, @Nullable String characters) {
        int to = s.length();
        while (to > 0 && strips(s.charAt(to - 1), characters)) {
            to--;
        }
        return s.substring(0, to);
    }

    private static boolean strips(char c, @Nullable String characters) {
        return characters == null ? Character.isWhitespace(c) || c == '\u00a0' : characters.indexOf(c) >= 0;
    }

    private static String title(String s) {
        StringBuilder out = new StringBuilder();
        boolean start = true;
        for (char c : s.toCharArray()) {
            out.append(start ? Character.toUpperCase(c) : Character.toLowerCase(c));
            start = !Character.isLetter(c);
        }
        return out.toString();
    }

    private static List<String> split(String s, @Nullable String separator, int most) {
        if (separator == null) {
            return s.isBlank() ? List.of() : List.of(s.strip().split("\\s+"));
        }
        List<String> parts = new ArrayList<>();
        int from = 0;
        for (int at = s.indexOf(separator);
                at >= 0 && (most < 0 || parts.size() < most);
                at = s.indexOf(separator, from)) {
            parts.add(s.substring(from, at));
            from = at + separator.length();
        }
        parts.add(s.substring(from));
        return parts;
    }

    @Override
    public @Nullable Object getValue(ELContext context, @Nullable Object base, @Nullable Object property) {
        return null;
    }

    @Override
    public @Nullable Class<?> getType(ELContext context, @Nullable Object base, @Nullable Object property) {
        return null;
    }

    @Override
    public void setValue(ELContext context, @Nullable Object base, @Nullable Object property, @Nullable Object value) {
        // Templates set no properties of strings.
    }

    @Override
    public boolean isReadOnly(ELContext context, @Nullable Object base, @Nullable Object property) {
        return true;
    }

    @Override
    public java.util.@Nullable Iterator<java.beans.FeatureDescriptor> getFeatureDescriptors(
            ELContext context, @Nullable Object base) {
        return null;
    }

    @Override
    public @Nullable Class<?> getCommonPropertyType(ELContext context, @Nullable Object base) {
        return null;
    }
}
