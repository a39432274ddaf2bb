package io.ashlar.console;

import io.ashlar.database.ChangeFeed;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import jakarta.servlet.http.HttpSessionEvent;
import jakarta.servlet.http.HttpSessionListener;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * The sessions of the console. One lasts a bounded time whatever is done in it, ends when nothing is done in it for a while (that
 * a browser says it is still there is nothing done), and ends as soon as its member is disabled or
 * becomes something else: the feed of changes tells, and each request asks again where the feed was away.
 */
final class ConsoleSessions extends OncePerRequestFilter implements HttpSessionListener {
    private static final Duration CHECKED = Duration.ofSeconds(30);

    /** A session, for its owner. */
    record Session(String id, String login, String address, String browser, Instant begun, Instant seen) {}

    private static final class Open {
        final HttpSession session;
        final String login;
        final String authority;
        final String address;
        final String browser;
        final Instant begun;
        volatile Instant seen;
        volatile Instant checked;

        Open(HttpSession session, Authentication who, HttpServletRequest request, Instant now) {
            this.session = session;
            this.login = who.getName();
            this.authority = authority(who);
            this.address = Objects.toString(request.getRemoteAddr(), "");
            this.browser = Objects.toString(request.getHeader("User-Agent"), "");
            this.begun = now;
            this.seen = now;
            this.checked = now;
        }
    }

    private final Members members;
    private final ConsoleLimits limits;
    private final Clock clock;
    private final Map<String, Open> open = new ConcurrentHashMap<>();

    ConsoleSessions(Members members, ChangeFeed changes, Executor blocking, ConsoleLimits limits, Clock clock) {
        this.members = members;
        this.limits = limits;
        this.clock = clock;
        changes.onChange(
                Set.of("member"), () -> blocking.execute(() -> open.values().forEach(this::check)));
    }

    private static String authority(Authentication who) {
        return who.getAuthorities().stream()
                .map(a -> String.valueOf(a.getAuthority()))
                .filter(a -> a.startsWith("ROLE_") && !a.equals("ROLE_ANONYMOUS"))
                .findFirst()
                .orElse("");
    }

    /** Ends a session whose member is no longer what they were when it began. */
    private boolean check(Open one) {
        Member member = members.byLogin(one.login).orElse(null);
        one.checked = clock.instant();
        boolean same = member != null
                && member.enabled()
                && Objects.equals(PasswordProvider.authority(member).getAuthority(), one.authority);
        if (!same) {
            end(one);
        }
        return same;
    }

    private void end(Open one) {
        open.values().remove(one);
        try {
            one.session.invalidate();
        } catch (IllegalStateException e) {
            logger.debug("the session had ended already");
        }
    }

    private boolean isLate(Open one, Instant now) {
        return one.begun.plus(limits.longest()).isBefore(now)
                || one.seen.plus(limits.idle()).isBefore(now);
    }

    /** Ends sessions whose time is over, though nobody asks for anything in them: what is pushed to them ends too. */
    void sweep() {
        Instant now = clock.instant();
        open.values().stream().filter(o -> isLate(o, now)).forEach(this::end);
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        Authentication who = SecurityContextHolder.getContext().getAuthentication();
        HttpSession session = request.getSession(false);
        if (who != null
                && who.isAuthenticated()
                && session != null
                && !authority(who).isEmpty()) {
            Instant now = clock.instant();
            Open one = open.computeIfAbsent(session.getId(), id -> new Open(session, who, request, now));
            boolean late = isLate(one, now);
            if (!"heartbeat".equals(request.getParameter("v-r"))) {
                one.seen = now;
            }
            if (late) {
                end(one);
            }
            if (late || one.checked.plus(CHECKED).isBefore(now) && !check(one)) {
                SecurityContextHolder.clearContext();
                response.sendRedirect(request.getContextPath() + "/login?ended");
                return;
            }
        }
        chain.doFilter(request, response);
    }

    @Override
    public void sessionDestroyed(HttpSessionEvent event) {
        open.remove(event.getSession().getId());
    }

    /** Somebody's own, the latest first. */
    List<Session> of(String login) {
        return open.entrySet().stream()
                .filter(e -> e.getValue().login.equals(login))
                .map(e -> new Session(
                        e.getKey(),
                        login,
                        e.getValue().address,
                        e.getValue().browser,
                        e.getValue().begun,
                        e.getValue().seen))
                .sorted((a, b) -> b.seen.compareTo(a.seen))
                .toList();
    }

    /** Ends a session by its id, whosever it is. */
    void endOf(String id) {
        Open one = open.get(id);
        if (one != null) {
            end(one);
        }
    }

    /** Ends one of somebody's own sessions. */
    void end(String login, String id) {
        Open one = open.get(id);
        if (one != null && one.login.equals(login)) {
            end(one);
        }
    }
}
