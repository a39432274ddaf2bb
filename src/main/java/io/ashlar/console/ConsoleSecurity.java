package io.ashlar.console;

import com.vaadin.flow.spring.security.VaadinSecurityConfigurer;
import io.ashlar.identity.Members;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configuration.EnableWebSecurity;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.core.userdetails.UsernameNotFoundException;
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
    UserDetailsService consoleMembers(Members members) {
        return login -> members.find(login)
                .map(m -> User.withUsername(m.login())
                        .password(m.passwordHash())
                        .roles(m.role().toUpperCase(java.util.Locale.ROOT))
                        .disabled(!m.enabled())
                        .build())
                .orElseThrow(() -> new UsernameNotFoundException("no such member"));
    }
}
