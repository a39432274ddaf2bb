package io.ashlar.api;

import io.ashlar.access.Actor;
import io.ashlar.identity.AdminKeys;
import io.ashlar.identity.Caller;
import io.ashlar.identity.KeyAuthenticator;
import io.ashlar.identity.KeyRefusal;
import io.ashlar.identity.TokenAuthenticator;
import io.ashlar.quota.Quotas;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.authorization.AuthorizationDecision;
import org.springframework.security.authorization.AuthorizationResult;
import org.springframework.security.config.annotation.web.reactive.EnableWebFluxSecurity;
import org.springframework.security.config.web.server.SecurityWebFiltersOrder;
import org.springframework.security.config.web.server.ServerHttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.ReactiveSecurityContextHolder;
import org.springframework.security.web.server.SecurityWebFilterChain;
import org.springframework.security.web.server.context.NoOpServerSecurityContextRepository;
import org.springframework.security.web.server.util.matcher.ServerWebExchangeMatchers;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/**
 * The API door's locks: every path wants a key, but for those of the management port; those of the admin API want an admin key.
 */
@Configuration(proxyBeanMethods = false)
@EnableWebFluxSecurity
public class ApiSecurity {
    /** Paths that only the management port routes. */
    private static final String[] MANAGEMENT = {"/health", "/health/**", "/prometheus"};

    private static final String BEARER = "Bearer ";

    @Bean
    @Order(1)
    SecurityWebFilterChain adminDoor(ServerHttpSecurity http, AdminKeys keys, TokenAuthenticator tokens) {
        return locked(http.securityMatcher(ServerWebExchangeMatchers.pathMatchers("/admin/**")), "admin key")
                .addFilterAt(
                        new KeyFilter(
                                text -> TokenAuthenticator.isToken(text)
                                        ? tokens.actor(text).thenApply(ApiSecurity::authentication)
                                        : keys.authenticate(text).thenApply(ApiSecurity::administrator),
                                (e, a) -> {}),
                        SecurityWebFiltersOrder.AUTHENTICATION)
                .authorizeExchange(paths -> paths.anyExchange()
                        .access((who, exchange) -> who.map(a -> decision(a.getPrincipal() instanceof Actor))))
                .build();
    }

    /** What each actor may do there is asked by the services. */
    private static AuthorizationResult decision(boolean granted) {
        return new AuthorizationDecision(granted);
    }

    private static Authentication administrator(String key) {
        return authentication(Actor.administrator("admin key " + key, ""));
    }

    private static Authentication authentication(Actor actor) {
        return UsernamePasswordAuthenticationToken.authenticated(actor, null, List.of());
    }

    @Bean
    @Order(2)
    SecurityWebFilterChain apiDoor(
            ServerHttpSecurity http, KeyAuthenticator keys, TokenAuthenticator tokens, Quotas quotas) {
        RateHeaders rates = new RateHeaders(quotas);
        return locked(http, "API key")
                .addFilterAt(
                        new KeyFilter(
                                text -> (TokenAuthenticator.isToken(text)
                                                ? tokens.caller(text)
                                                : keys.authenticate(text))
                                        .thenApply(ApiSecurity::tenant),
                                rates::add),
                        SecurityWebFiltersOrder.AUTHENTICATION)
                .authorizeExchange(paths ->
                        paths.pathMatchers(MANAGEMENT).permitAll().anyExchange().authenticated())
                .build();
    }

    private static Authentication tenant(Caller caller) {
        return UsernamePasswordAuthenticationToken.authenticated(caller, null, List.of());
    }

    private static ServerHttpSecurity locked(ServerHttpSecurity http, String key) {
        return http.csrf(ServerHttpSecurity.CsrfSpec::disable)
                .formLogin(ServerHttpSecurity.FormLoginSpec::disable)
                .httpBasic(ServerHttpSecurity.HttpBasicSpec::disable)
                .logout(ServerHttpSecurity.LogoutSpec::disable)
                .requestCache(ServerHttpSecurity.RequestCacheSpec::disable)
                .securityContextRepository(NoOpServerSecurityContextRepository.getInstance())
                .exceptionHandling(errors -> errors.authenticationEntryPoint((exchange, e) -> ApiErrors.write(
                                exchange,
                                ApiException.unauthorized(
                                        "No " + key + " was given: send it as 'Authorization: Bearer <key>'.")))
                        .accessDeniedHandler((exchange, e) -> ApiErrors.write(
                                exchange,
                                ApiException.forbidden("access_denied", "The " + key + " may not do this."))));
    }

    /**
     * Turns a key into who sends it.
     *
     * @param keys what a key's text stands for; fails with {@link KeyRefusal}
     * @param known told of every request whose sender is known
     */
    private record KeyFilter(
            Function<String, CompletableFuture<Authentication>> keys, BiConsumer<ServerWebExchange, Object> known)
            implements WebFilter {
        @Override
        public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
            String header = exchange.getRequest().getHeaders().getFirst(HttpHeaders.AUTHORIZATION);
            if (header == null) {
                return chain.filter(exchange);
            }
            if (!header.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
                return ApiErrors.write(
                        exchange, ApiException.unauthorized("The Authorization header must be 'Bearer <key>'."));
            }
            CompletableFuture<Authentication> sender =
                    keys.apply(header.substring(BEARER.length()).strip());
            Mono<Authentication> found = Mono.fromFuture(sender, true);
            return (sender.isDone() ? found : found.publishOn(EventLoop.schedulerOf(exchange)))
                    .onErrorMap(CompletionException.class, CompletionException::getCause)
                    .onErrorMap(KeyRefusal.class, KeyFilter::refusal)
                    .onErrorMap(
                            e -> !(e instanceof ApiException),
                            e -> ApiException.unavailable("The API key cannot be checked at the moment.", 5))
                    .doOnNext(authentication -> known.accept(exchange, authentication.getPrincipal()))
                    .flatMap(authentication -> chain.filter(exchange)
                            .contextWrite(ReactiveSecurityContextHolder.withAuthentication(authentication)));
        }

        private static ApiException refusal(KeyRefusal refusal) {
            String message = String.valueOf(refusal.getMessage());
            return switch (refusal.reason()) {
                case UNKNOWN, EXPIRED, REVOKED -> ApiException.unauthorized(message);
                case NOT_PERMITTED -> ApiException.forbidden("access_denied", message);
                case TENANT_SUSPENDED -> ApiException.forbidden("tenant_suspended", message);
            };
        }
    }
}
