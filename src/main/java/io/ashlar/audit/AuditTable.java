package io.ashlar.audit;

import java.io.PrintWriter;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The log as CSV (RFC 4180), oldest first. */
public final class AuditTable {
    private AuditTable() {}

    public static void write(AuditLog log, AuditFilter filter, PrintWriter out) {
        out.print("id,at,actor,action,subject,detail\r\n");
        log.each(filter, e -> {
            String detail = e.detail().entrySet().stream()
                    .map(d -> d.getKey() + "=" + d.getValue())
                    .collect(Collectors.joining("; "));
            out.print(Stream.of(String.valueOf(e.id()), e.at().toString(), e.actor(), e.action(), e.subject(), detail)
                    .map(AuditTable::cell)
                    .collect(Collectors.joining(",", "", "\r\n")));
        });
        out.flush();
    }

    /** Quoted where needed; a leading sign that a spreadsheet would take for a formula is made text. */
    private static String cell(String text) {
        String safe = text.isEmpty() || "=+-@\t".indexOf(text.charAt(0)) < 0 ? text : "'" + text;
        return safe.matches("[^\",\r\n]*") ? safe : '"' + safe.replace("\"", "\"\"") + '"';
    }
}
