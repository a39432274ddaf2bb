package io.ashlar.api;

import static org.springframework.web.reactive.function.server.RouterFunctions.route;

import io.ashlar.api.admin.AdminHandler;
import io.ashlar.api.admin.ExplanationHandler;
import io.ashlar.api.openai.Admission;
import io.ashlar.api.openai.OpenAiHandler;
import io.ashlar.catalog.Catalog;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.ConcurrencyLimit;
import io.ashlar.quota.Limits;
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
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.client.ReactorResourceFactory;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

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
            LengthPredictor predictor) {
        return new Admission.Rules(limit, quotas, classes, lines, predictor);
    }

    @Bean
    AdminHandler adminHandler(
            Tenants tenants,
            Catalog catalog,
            Limits limits,
            Quotas quotas,
            ServiceClasses classes,
            ExecutorService blockingWork) {
        return new AdminHandler(
                tenants, catalog, limits, quotas, classes, Schedulers.fromExecutorService(blockingWork));
    }

    @Bean
    ExplanationHandler explanationHandler(
            Serving serving, RequestLog log, LengthPredictor predictor, WaitingLines lines) {
        return new ExplanationHandler(serving, log, predictor, lines);
    }

    @Bean
    RouterFunction<ServerResponse> admin(AdminHandler handler, ExplanationHandler explanations) {
        return route().GET("/admin/v1/tenants", handler::tenants)
                .PUT("/admin/v1/tenants/{tenant}", handler::setTenant)
                .GET("/admin/v1/tenants/{tenant}/limits", handler::limits)
                .POST("/admin/v1/tenants/{tenant}/limits", handler::setLimit)
                .DELETE("/admin/v1/tenants/{tenant}/limits/{id}", handler::removeLimit)
                .GET("/admin/v1/tenants/{tenant}/warnings", handler::warnings)
                .GET("/admin/v1/service-classes", handler::serviceClasses)
                .PUT("/admin/v1/service-classes/{name}", handler::setServiceClass)
                .DELETE("/admin/v1/service-classes/{name}", handler::removeServiceClass)
                .GET("/admin/v1/prices", handler::prices)
                .PUT("/admin/v1/prices", handler::setPrice)
                .PUT("/admin/v1/policies", handler::setPolicy)
                .GET("/admin/v1/scheduler", explanations::scheduler)
                .GET("/admin/v1/requests", explanations::requests)
                .GET("/admin/v1/requests/{id}", explanations::request)
                .build();
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
