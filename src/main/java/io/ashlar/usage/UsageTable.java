package io.ashlar.usage;

import io.ashlar.access.Actor;
import io.ashlar.document.Csv;
import java.io.PrintWriter;
import java.util.Locale;

/** A report as CSV. */
public final class UsageTable {
    private UsageTable() {}

    public static void write(
            UsageReports reports, UsageReports.Scope scope, UsageReports.By by, Actor actor, PrintWriter out) {
        out.print(
                by.name().toLowerCase(Locale.ROOT)
                        + ",requests,failed,prompt_tokens,cached_tokens,completion_tokens,cost_millionths,attainment_percent\r\n");
        reports.each(
                scope,
                by,
                actor,
                line -> out.print(Csv.row(
                        line.name(),
                        line.requests(),
                        line.failed(),
                        line.promptTokens(),
                        line.cachedTokens(),
                        line.completionTokens(),
                        line.cost(),
                        line.attainment() == null ? "" : String.format(Locale.ROOT, "%.2f", line.attainment()))));
        out.flush();
    }
}
