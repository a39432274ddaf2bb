package io.ashlar.api;

import static org.springframework.web.reactive.function.server.RouterFunctions.route;

import io.ashlar.api.admin.AdminHandler;
import io.ashlar.api.admin.AdminOperations;
import io.ashlar.api.admin.Repeats;
import io.ashlar.api.openai.Admission;
import io.ashlar.api.openai.OpenAiHandler;
import io.ashlar.identity.Vault;
import io.ashlar.quota.Attainment;
import io.ashlar.quota.ConcurrencyLimit;
import io.ashlar.quota.Quotas;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.quota.WaitingLines;
import io.ashlar.scheduler.LengthPredictor;
import io.ashlar.serving.RequestLog;
import io.ashlar.serving.Serving;
import io.ashlar.usage.UsageLedger;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.util.concurrent.ExecutorService;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.client.ReactorResourceFactory;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.scheduler.Scheduler;

/** What the API door answers, and nothing else. */
@Configuration(proxyBeanMethods = false)
@Import(AdminOperations.Services.class)
public class ApiRoutes {
    @Bean
    @Order(Ordered.HIGHEST_PRECEDENCE)
    RequestIds requestIds() {
        return new RequestIds();
    }

    /** The admin API waits for the database. What the other paths answer with is made on the event loop already. */
    @Bean
    @Order(Ordered.HIGHEST_PRECEDENCE)
    LoopAnswers loopAnswers() {
        return LoopAnswers.on("/admin/**");
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
            Admission.Rules rules,
            Intake intake,
            RequestLog log,
            MeterRegistry registry,
            Scheduler requestScheduler,
            Clock clock) {
        Admission admission = new Admission(serving, ledger, rules, intake, log, registry);
        return new OpenAiHandler(serving, admission, requestScheduler, clock);
    }

    @Bean
    Admission.Rules admissionRules(
            ConcurrencyLimit limit,
            Quotas quotas,
            ServiceClasses classes,
            WaitingLines lines,
            LengthPredictor predictor,
            Attainment attainment) {
        return new Admission.Rules(limit, quotas, classes, lines, predictor, attainment);
    }

    @Bean
    AdminOperations adminOperations(AdminOperations.Services services) {
        return new AdminOperations(services);
    }

    @Bean
    AdminHandler adminHandler(
            AdminOperations operations,
            JdbcClient database,
            TransactionTemplate transactions,
            Vault vault,
            Clock clock,
            ExecutorService blockingWork) {
        return new AdminHandler(operations, new Repeats(database, transactions, vault, clock), blockingWork);
    }

    @Bean
    RouterFunction<ServerResponse> admin(AdminHandler handler) {
        return handler.routes().build();
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
