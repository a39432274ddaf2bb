package io.ashlar.console;

import com.vaadin.flow.spring.security.UidlRedirectStrategy;
import com.vaadin.flow.spring.security.VaadinSecurityConfigurer;
import io.ashlar.audit.AuditLog;
import io.ashlar.database.ChangeFeed;
import io.ashlar.identity.Members;
import io.ashlar.identity.PasswordSignIn;
import io.ashlar.identity.SignInProviders;
import io.ashlar.identity.Tenants;
import io.ashlar.serving.Serving;
import io.ashlar.usage.RecentUsage;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.concurrent.ExecutorService;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.boot.web.servlet.ServletListenerRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configuration.EnableWebSecurity;
import org.springframework.security.oauth2.client.oidc.authentication.logout.OidcLogoutToken;
import org.springframework.security.oauth2.client.oidc.session.InMemoryOidcSessionRegistry;
import org.springframework.security.oauth2.client.oidc.session.OidcSessionRegistry;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.access.intercept.AuthorizationFilter;
import org.springframework.security.web.authentication.logout.LogoutHandler;
import org.springframework.security.web.csrf.CsrfFilter;
import org.springframework.security.web.header.writers.ReferrerPolicyHeaderWriter.ReferrerPolicy;

/** The console door's locks: members sign in with a password; every view wants one but the sign-in itself. */
@Configuration(proxyBeanMethods = false)
@EnableWebSecurity
public class ConsoleSecurity {
    static final String ADMINISTRATOR = "PLATFORM_ADMINISTRATOR";
    static final String VIEWER = "PLATFORM_VIEWER";
    static final String TENANT_ADMINISTRATOR = "TENANT_ADMINISTRATOR";

    @Bean
    SecurityFilterChain consoleDoor(
            HttpSecurity http,
            ProviderRegistrations registrations,
            ProviderUsers users,
            ConsoleSessions sessions,
            OidcSessionRegistry ofProviders) {
        LogoutHandler endedThere = (request, response, told) -> {
            if (told != null && told.getPrincipal() instanceof OidcLogoutToken token) {
                ofProviders.removeSessionInformation(token).forEach(s -> sessions.endOf(s.getSessionId()));
            }
        };
        http.authorizeHttpRequests(paths -> paths.requestMatchers("/styles/**", "/charts/**", "/webjars/uplot/**")
                .permitAll());
        http.oauth2Login(login -> login.loginPage("/login")
                .clientRegistrationRepository(registrations)
                .userInfoEndpoint(info -> info.oidcUserService(users))
                .failureHandler((request, response, e) ->
                        response.sendRedirect(request.getContextPath() + "/login?refused=" + ProviderUsers.code(e))));
        // A provider that ends somebody's session there ends it here.
        http.oidcLogout(logout ->
                logout.clientRegistrationRepository(registrations).backChannel(back -> back.logoutHandler(endedThere)));
        OidcClientInitiatedLogoutSuccessHandler there = new OidcClientInitiatedLogoutSuccessHandler(registrations);
        there.setRedirectStrategy(new UidlRedirectStrategy()); // the button is part of a page that talks in JSON
        there.setPostLogoutRedirectUri("{baseUrl}/login");
        there.setDefaultTargetUrl("/login");
        http.with(
                VaadinSecurityConfigurer.vaadin(),
                vaadin -> vaadin.loginView(LoginView.class).logoutSuccessHandler(there));
        http.headers(headers -> headers.referrerPolicy(policy -> policy.policy(ReferrerPolicy.SAME_ORIGIN)));
        http.addFilterBefore(new SameOriginFilter(), CsrfFilter.class);
        http.addFilterAfter(sessions, AuthorizationFilter.class);
        return http.build();
    }

    @Bean
    OidcSessionRegistry sessionsOfProviders() {
        return new InMemoryOidcSessionRegistry();
    }

    @Bean
    ProviderRegistrations providerRegistrations(SignInProviders providers) {
        return new ProviderRegistrations(providers);
    }

    @Bean
    ProviderUsers providerUsers(SignInProviders providers, Members members, Tenants tenants, AuditLog audit) {
        return new ProviderUsers(providers, members, tenants, audit);
    }

    @Bean
    ConsoleSessions consoleSessions(
            Members members,
            ChangeFeed changes,
            ExecutorService blockingWork,
            ConsoleLimits limits,
            Pulse pulse,
            Clock clock) {
        ConsoleSessions sessions = new ConsoleSessions(members, changes, blockingWork, limits, clock);
        Runnable unused = pulse.onBeat(sessions::sweep);
        return sessions;
    }

    /** It is part of the security chain, and of that only. */
    @Bean
    FilterRegistrationBean<ConsoleSessions> notTwice(ConsoleSessions sessions) {
        FilterRegistrationBean<ConsoleSessions> registration = new FilterRegistrationBean<>(sessions);
        registration.setEnabled(false);
        return registration;
    }

    @Bean
    ServletListenerRegistrationBean<ConsoleSessions> endedSessions(ConsoleSessions sessions) {
        return new ServletListenerRegistrationBean<>(sessions);
    }

    @Bean
    Pulse pulse(Serving serving, RecentUsage recent, Clock clock) {
        return new Pulse(serving, recent, clock);
    }

    @Bean
    PagePolicy pagePolicy(SecureRandom random) {
        return new PagePolicy(random);
    }

    @Bean
    ConsoleActors consoleActors(Members members) {
        return new ConsoleActors(members);
    }

    /** Name, password and, where somebody has set them up, a one-time code. */
    @Bean
    AuthenticationProvider passwordSignInProvider(PasswordSignIn signIn) {
        return new PasswordProvider(signIn);
    }
}
