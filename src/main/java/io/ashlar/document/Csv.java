package io.ashlar.document;

import java.util.Arrays;
import java.util.stream.Collectors;

/** Rows of comma-separated values (RFC 4180). */
public final class Csv {
    private Csv() {}

    public static String row(Object... values) {
        return Arrays.stream(values)
                .map(v -> cell(v == null ? "" : v.toString()))
                .collect(Collectors.joining(",", "", "\r\n"));
    }

    /** Quoted where needed; a leading sign that a spreadsheet would take for a formula is made text. */
    private static String cell(String text) {
        String safe = text.isEmpty() || "=+-@\t".indexOf(text.charAt(0)) < 0 ? text : "'" + text;
        return safe.matches("[^\",\r\n]*") ? safe : '"' + safe.replace("\"", "\"\"") + '"';
    }
}
