package io.ashlar.api;

import org.springframework.boot.actuate.autoconfigure.web.ManagementContextConfiguration;
import org.springframework.boot.actuate.autoconfigure.web.ManagementContextType;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;

/**
 * The door for health and metrics. Its endpoints block, so Spring runs them on threads of their own, and would give their
 * answers from there; see {@link EventLoop} for why they must not.
 */
@ManagementContextConfiguration(value = ManagementContextType.CHILD, proxyBeanMethods = false)
public class ManagementDoor {
    @Bean
    @Order(Ordered.HIGHEST_PRECEDENCE)
    LoopAnswers loopAnswers() {
        return LoopAnswers.on("/**");
    }
}
