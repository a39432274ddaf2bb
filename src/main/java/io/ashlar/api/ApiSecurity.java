package io.ashlar.api;

import io.ashlar.identity.Caller;
import io.ashlar.identity.KeyAuthenticator;
import io.ashlar.identity.KeyRefusal;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpHeaders;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.config.annotation.web.reactive.EnableWebFluxSecurity;
import org.springframework.security.config.web.server.SecurityWebFiltersOrder;
import org.springframework.security.config.web.server.ServerHttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.ReactiveSecurityContextHolder;
import org.springframework.security.web.server.SecurityWebFilterChain;
import org.springframework.security.web.server.context.NoOpServerSecurityContextRepository;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/** The API door's locks: every path wants a key, but for those of the management port. */
@Configuration(proxyBeanMethods = false)
@EnableWebFluxSecurity
public class ApiSecurity {
    /** Paths that only the management port routes. */
    private static final String[] MANAGEMENT = {"/health", "/health/**", "/prometheus"};

    private static final String BEARER = "Bearer ";

    @Bean
    SecurityWebFilterChain apiDoor(ServerHttpSecurity http, KeyAuthenticator keys) {
        return http.csrf(ServerHttpSecurity.CsrfSpec::disable)
                .formLogin(ServerHttpSecurity.FormLoginSpec::disable)
                .httpBasic(ServerHttpSecurity.HttpBasicSpec::disable)
                .logout(ServerHttpSecurity.LogoutSpec::disable)
                .requestCache(ServerHttpSecurity.RequestCacheSpec::disable)
                .securityContextRepository(NoOpServerSecurityContextRepository.getInstance())
                .addFilterAt(new KeyFilter(keys), SecurityWebFiltersOrder.AUTHENTICATION)
                .authorizeExchange(paths ->
                        paths.pathMatchers(MANAGEMENT).permitAll().anyExchange().authenticated())
                .exceptionHandling(errors -> errors.authenticationEntryPoint((exchange, e) -> ApiErrors.write(
                                exchange,
                                ApiException.unauthorized(
                                        "No API key was given: send it as 'Authorization: Bearer <key>'.")))
                        .accessDeniedHandler((exchange, e) -> ApiErrors.write(
                                exchange, ApiException.forbidden("access_denied", "The API key may not do this."))))
                .build();
    }

    /** Turns a key into its caller. */
    private record KeyFilter(KeyAuthenticator keys) implements WebFilter {
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
            CompletableFuture<Caller> caller =
                    keys.authenticate(header.substring(BEARER.length()).strip());
            Mono<Caller> known = Mono.fromFuture(caller, true);
            return (caller.isDone() ? known : known.publishOn(EventLoop.schedulerOf(exchange)))
                    .map(KeyFilter::authentication)
                    .onErrorMap(CompletionException.class, CompletionException::getCause)
                    .onErrorMap(KeyRefusal.class, KeyFilter::refusal)
                    .onErrorMap(
                            e -> !(e instanceof ApiException),
                            e -> ApiException.unavailable("The API key cannot be checked at the moment.", 5))
                    .flatMap(authentication -> chain.filter(exchange)
                            .contextWrite(ReactiveSecurityContextHolder.withAuthentication(authentication)));
        }

        private static Authentication authentication(Caller caller) {
            return UsernamePasswordAuthenticationToken.authenticated(caller, null, List.of());
        }

        private static ApiException refusal(KeyRefusal refusal) {
            String message = String.valueOf(refusal.getMessage());
            return switch (refusal.reason()) {
                case UNKNOWN, EXPIRED, REVOKED -> ApiException.unauthorized(message);
                case TENANT_SUSPENDED -> ApiException.forbidden("tenant_suspended", message);
            };
        }
    }
}
