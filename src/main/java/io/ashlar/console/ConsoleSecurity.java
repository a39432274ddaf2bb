package io.ashlar.console;

import com.vaadin.flow.spring.security.VaadinSecurityConfigurer;
import io.ashlar.identity.Members;
import io.ashlar.identity.PasswordSignIn;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configuration.EnableWebSecurity;
import org.springframework.security.web.SecurityFilterChain;

/** The console door's locks: members sign in with a password; every view wants one but the sign-in itself. */
@Configuration(proxyBeanMethods = false)
@EnableWebSecurity
public class ConsoleSecurity {
    static final String ADMINISTRATOR = "PLATFORM_ADMINISTRATOR";

    @Bean
    SecurityFilterChain consoleDoor(HttpSecurity http) {
        http.authorizeHttpRequests(paths -> paths.requestMatchers("/styles/**").permitAll());
        http.with(VaadinSecurityConfigurer.vaadin(), vaadin -> vaadin.loginView(LoginView.class));
        http.headers(headers -> headers.referrerPolicy(policy -> policy.policy(
                org.springframework.security.web.header.writers.ReferrerPolicyHeaderWriter.ReferrerPolicy
                        .SAME_ORIGIN)));
        return http.build();
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
