package io.ashlar.api;

import io.ashlar.identity.Caller;
import io.ashlar.quota.Quotas;
import io.ashlar.quota.Rates;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;

/** What is left of a caller's limits per minute, on every answer, in OpenAI's headers; and warnings of soft budgets. */
public record RateHeaders(Quotas quotas) {
    private static final String MODEL = RateHeaders.class.getName() + ".model";
    /** Names a soft budget that was reached; there may be several. */
    public static final String WARNING = "x-ashlar-quota-warning";

    /** Limits of a model count once it is known which one is asked for. */
    public static void model(ServerWebExchange exchange, String model) {
        exchange.getAttributes().put(MODEL, model);
    }

    public static void warn(ServerWebExchange exchange, List<String> warnings) {
        for (String warning : warnings) {
            exchange.getResponse().getHeaders().add(WARNING, warning);
        }
    }

    void add(ServerWebExchange exchange, @Nullable Object principal) {
        if (principal instanceof Caller caller) {
            exchange.getResponse().beforeCommit(() -> {
                Rates rates =
                        quotas.rates(caller, (String) exchange.getAttributes().get(MODEL));
                HttpHeaders headers = exchange.getResponse().getHeaders();
                put(headers, "requests", rates.requests());
                put(headers, "tokens", rates.tokens());
                return Mono.empty();
            });
        }
    }

    private static void put(HttpHeaders headers, String what, Rates.@Nullable Rate rate) {
        if (rate != null) {
            headers.set("x-ratelimit-limit-" + what, String.valueOf(rate.limit()));
            headers.set("x-ratelimit-remaining-" + what, String.valueOf(rate.remaining()));
            headers.set("x-ratelimit-reset-" + what, Rates.words(rate.reset()));
        }
    }
}
