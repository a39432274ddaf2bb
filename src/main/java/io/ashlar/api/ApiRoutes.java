package io.ashlar.api;

import static org.springframework.web.reactive.function.server.RouterFunctions.route;

import io.ashlar.api.openai.Admission;
import io.ashlar.api.openai.OpenAiHandler;
import io.ashlar.quota.ConcurrencyLimit;
import io.ashlar.serving.Serving;
import io.ashlar.usage.UsageLedger;
import java.time.Clock;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.client.ReactorResourceFactory;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.scheduler.Scheduler;

/** What the API door answers, and nothing else. */
@Configuration(proxyBeanMethods = false)
public class ApiRoutes {
    @Bean
    @Order(Ordered.HIGHEST_PRECEDENCE)
    RequestIds requestIds() {
        return new RequestIds();
    }

    @Bean
    @Order(-2) // before Spring Boot's own
    ApiErrors apiErrors() {
        return new ApiErrors();
    }

    /** Event loops of its own: the global ones would end with the first server of a process that closes. */
    @Bean
    ReactorResourceFactory reactorResourceFactory() {
        ReactorResourceFactory resources = new ReactorResourceFactory();
        resources.setUseGlobalResources(false);
        return resources;
    }

    @Bean
    OpenAiHandler openAiHandler(
            Serving serving,
            UsageLedger ledger,
            ConcurrencyLimit limit,
            Intake intake,
            Scheduler requestScheduler,
            Clock clock) {
        Admission admission = new Admission(serving, ledger, limit, intake);
        return new OpenAiHandler(serving, admission, requestScheduler, clock);
    }

    @Bean
    RouterFunction<ServerResponse> openAi(OpenAiHandler handler) {
        return route().GET("/v1/models", handler::models)
                .GET("/v1/models/{*model}", handler::model)
                .POST("/v1/chat/completions", handler::chat)
                .POST("/v1/completions", handler::complete)
                .build();
    }
}
