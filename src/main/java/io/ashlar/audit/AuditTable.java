package io.ashlar.audit;

import io.ashlar.access.Actor;
import io.ashlar.document.Csv;
import java.io.PrintWriter;
import java.util.Map;
import java.util.stream.Collectors;

/** The log as CSV, oldest first. */
public final class AuditTable {
    private AuditTable() {}

    public static void write(AuditLog log, Actor actor, AuditFilter filter, PrintWriter out) {
        out.print("id,at,actor,origin,action,subject,before,after\r\n");
        log.each(
                actor,
                filter,
                e -> out.print(Csv.row(
                        e.id(),
                        e.at(),
                        e.actor(),
                        e.origin(),
                        e.action(),
                        e.subject(),
                        words(e.before()),
                        words(e.after()))));
        out.flush();
    }

    private static String words(Map<String, String> values) {
        return values.entrySet().stream()
                .map(v -> v.getKey() + "=" + v.getValue())
                .collect(Collectors.joining("; "));
    }
}
