package io.ashlar.usage;

import io.ashlar.usage.UsageReports.Scope;
import java.time.DayOfWeek;
import java.time.LocalDate;
import java.time.temporal.TemporalAdjusters;
import java.util.List;

/** Days of all tenants, read as weeks where they are whole: for a report of months, few rows instead of many. */
final class TenantWeeks {
    private static final String SUMS =
            "requests, failed, prompt_tokens, cached_tokens, completion_tokens, cost_nanos, targeted, met";
    private static final String DAYS =
            "select tenant_id, model, " + SUMS + " from usage_tenant_day where day between ? and ?";
    private static final String WEEKS =
            "select tenant_id, model, " + SUMS + " from usage_tenant_week where week between ? and ?";
    private static final String WITHOUT = "select tenant_id, model, -" + SUMS.replace(", ", ", -")
            + " from usage_tenant_day where day between ? and ?";

    private TenantWeeks() {}

    /**
     * What to select from.
     *
     * @param values of its parameters are added here
     */
    static String table(Scope scope, List<Object> values) {
        LocalDate firstMonday = scope.from().with(TemporalAdjusters.nextOrSame(DayOfWeek.MONDAY));
        LocalDate lastMonday = scope.to().with(TemporalAdjusters.previousOrSame(DayOfWeek.MONDAY));
        if (lastMonday.isBefore(firstMonday)) {
            values.addAll(List.of(scope.from(), scope.to()));
            return "(" + DAYS + ")";
        }
        // The last week is read whole, and taken away is what came after: of a report up to today, nothing.
        values.addAll(List.of(scope.from(), firstMonday.minusDays(1)));
        values.addAll(List.of(firstMonday, lastMonday));
        values.addAll(List.of(scope.to().plusDays(1), lastMonday.plusDays(6)));
        return "(" + DAYS + " union all " + WEEKS + " union all " + WITHOUT + ")";
    }
}
