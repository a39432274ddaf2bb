package io.ashlar.api.openai;

import io.ashlar.api.ApiException;
import io.ashlar.api.EventLoop;
import io.ashlar.api.JsonFields;
import io.ashlar.api.RateHeaders;
import io.ashlar.api.RequestIds;
import io.ashlar.engine.Generation;
import io.ashlar.engine.GenerationRequest;
import io.ashlar.identity.Caller;
import io.ashlar.model.GenerationDefaults;
import io.ashlar.model.text.ChatTemplate;
import io.ashlar.model.text.TokenBytes;
import io.ashlar.scheduler.ServiceClass;
import io.ashlar.serving.Served;
import io.ashlar.serving.ServedModel;
import io.ashlar.serving.ServedUpstream;
import io.ashlar.serving.Serving;
import io.ashlar.serving.Transcript;
import io.ashlar.serving.UpstreamRequest;
import io.ashlar.serving.Work;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import java.security.Principal;
import java.time.Clock;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.springframework.http.MediaType;
import org.springframework.security.core.Authentication;
import org.springframework.web.reactive.function.server.ServerRequest;
import org.springframework.web.reactive.function.server.ServerResponse;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The OpenAI-compatible endpoints. Parsing, templates and tokenisation run off the event loop. */
public final class OpenAiHandler {
    private static final int COMPLETION_DEFAULT_TOKENS = 16;
    private static final int MOST_TOP_LOGPROBS = 20;
    private static final int MOST_COMPLETION_LOGPROBS = 5;
    /** Fields of chat requests that would change the answer and are not supported, with values that ask for nothing. */
    private static final String[][] UNSUPPORTED_IN_CHAT = {
        {"tools", "[]"},
        {"tool_choice", "\"none\"", "\"auto\""},
        {"functions", "[]"},
        {"function_call", "\"none\"", "\"auto\""},
        {"response_format", "{\"type\":\"text\"}"},
        {"modalities", "[\"text\"]"},
        {"audio"},
        {"prediction"},
        {"reasoning_effort"},
        {"verbosity"},
        {"web_search_options"},
    };

    private static final String[][] UNSUPPORTED_IN_COMPLETIONS = {{"echo", "false"}, {"suffix", "\"\""}};

    private final Serving serving;
    private final Admission admission;
    private final Scheduler scheduler;
    private final Clock clock;

    /** @param scheduler runs what does not belong on the event loop */
    public OpenAiHandler(Serving serving, Admission admission, Scheduler scheduler, Clock clock) {
        this.serving = serving;
        this.admission = admission;
        this.scheduler = scheduler;
        this.clock = clock;
    }

    private static Mono<Caller> caller(ServerRequest request) {
        return request.principal().map(OpenAiHandler::caller);
    }

    private static Caller caller(Principal principal) {
        if (principal instanceof Authentication a && a.getPrincipal() instanceof Caller caller) {
            return caller;
        }
        throw new IllegalStateException("the door let in a caller that is not one");
    }

    public Mono<ServerResponse> models(ServerRequest request) {
        return caller(request).flatMap(caller -> {
            ObjectNode root = JsonMapper.shared().createObjectNode();
            root.put("object", "list");
            ArrayNode data = root.putArray("data");
            for (Served model : serving.all()) {
                if (caller.models().contains(model.name())) {
                    data.add(describe(model));
                }
            }
            return json(root);
        });
    }

    public Mono<ServerResponse> model(ServerRequest request) {
        // A name may contain slashes, so it is all of the path that follows.
        String name = request.path().substring("/v1/models/".length());
        return caller(request).flatMap(caller -> {
            Served model = caller.models().contains(name) ? serving.find(name) : null;
            return model == null ? Mono.error(ApiException.modelNotFound(name)) : json(describe(model));
        });
    }

    private static ObjectNode describe(Served model) {
        ObjectNode node = JsonMapper.shared().createObjectNode();
        node.put("id", model.name());
        node.put("object", "model");
        node.put("created", model.createdAt().getEpochSecond());
        node.put("owned_by", "ashlar");
        node.put("context_length", model.contextLength());
        return node;
    }

    private static Mono<ServerResponse> json(ObjectNode node) {
        return ServerResponse.ok()
                .contentType(MediaType.APPLICATION_JSON)
                .bodyValue(JsonMapper.shared().writeValueAsBytes(node));
    }

    public Mono<ServerResponse> chat(ServerRequest request) {
        return generate(request, this::chat);
    }

    public Mono<ServerResponse> complete(ServerRequest request) {
        return generate(request, this::complete);
    }

    @FunctionalInterface
    private interface Endpoint {
        Mono<ServerResponse> answer(JsonFields fields, Call call);
    }

    /**
     * A request on its way.
     *
     * @param channel its connection: what is sent is made on its event loop, so that no other thread must be woken
     */
    private record Call(Caller caller, UUID id, Instant arrived, Channel channel, ServerWebExchange exchange) {
        Executor loop() {
            return channel.eventLoop();
        }
    }

    private Mono<ServerResponse> generate(ServerRequest request, Endpoint endpoint) {
        Instant arrived = clock.instant();
        UUID id = RequestIds.of(request.exchange());
        Channel channel = EventLoop.channelOf(request.exchange());
        MediaType type = request.headers().contentType().orElse(MediaType.APPLICATION_OCTET_STREAM);
        if (!type.isCompatibleWith(MediaType.APPLICATION_JSON)) {
            return Mono.error(ApiException.unsupportedMediaType(
                    "The body must be JSON, with 'Content-Type: application/json', not '" + type + "'."));
        }
        return caller(request)
                .zipWith(request.bodyToMono(byte[].class).defaultIfEmpty(new byte[0]))
                .publishOn(scheduler)
                .flatMap(both -> endpoint.answer(
                        JsonFields.parse(both.getT2()),
                        new Call(both.getT1(), id, arrived, channel, request.exchange())))
                .publishOn(Schedulers.fromExecutor(channel.eventLoop()));
    }

    private Mono<ServerResponse> chat(JsonFields f, Call call) {
        for (String[] unsupported : UNSUPPORTED_IN_CHAT) {
            f.refuse(unsupported[0], java.util.Arrays.copyOfRange(unsupported, 1, unsupported.length));
        }
        boolean logprobs = f.flag("logprobs", false);
        int top = f.integer("top_logprobs", 0, MOST_TOP_LOGPROBS, 0);
        if (f.has("top_logprobs") && !logprobs) {
            throw ApiException.invalid("top_logprobs", "'top_logprobs' is only allowed when 'logprobs' is true.");
        }
        return answer(f, call, true, logprobs ? top : -1, Integer.MAX_VALUE);
    }

    private Mono<ServerResponse> complete(JsonFields f, Call call) {
        for (String[] unsupported : UNSUPPORTED_IN_COMPLETIONS) {
            f.refuse(unsupported[0], java.util.Arrays.copyOfRange(unsupported, 1, unsupported.length));
        }
        f.refuse("best_of", "1", String.valueOf(f.integer("n", 1, Integer.MAX_VALUE, 1)));
        int top = f.integer("logprobs", 0, MOST_COMPLETION_LOGPROBS, -1);
        return answer(f, call, false, top, COMPLETION_DEFAULT_TOKENS);
    }

    private Mono<ServerResponse> answer(JsonFields f, Call call, boolean chat, int logprobs, int defaultTokens) {
        String modelName = f.text("model");
        RateHeaders.model(call.exchange, modelName);
        CompletableFuture<Void> ready = admission.ready(call.caller, modelName);
        if (ready.isDone() && !ready.isCompletedExceptionally()) {
            return answer(f, call, modelName, chat, logprobs, defaultTokens);
        }
        return Mono.fromFuture(() -> ready, true)
                .onErrorMap(CompletionException.class, e -> e.getCause() == null ? e : e.getCause())
                .publishOn(scheduler)
                .then(Mono.defer(() -> answer(f, call, modelName, chat, logprobs, defaultTokens)));
    }

    private Mono<ServerResponse> answer(
            JsonFields f, Call call, String modelName, boolean chat, int logprobs, int defaultTokens) {
        GenerationCall[] read = new GenerationCall[1];
        AnswerFormat[] format = new AnswerFormat[1];
        Admission.Request request = new Admission.Request(call.caller, modelName, call.id, call.arrived, call.loop());
        CompletableFuture<Admission.Admitted> admitted = admission.admit(request, served -> {
            TokenBytes bytes =
                    served instanceof ServedModel model ? model.tokenizer().bytes() : null;
            GenerationCall options = switch (served) {
                case ServedModel model -> GenerationCall.read(f, model.defaults(), model.vocabularySize(), logprobs);
                case ServedUpstream upstream ->
                    GenerationCall.read(f, GenerationDefaults.NONE, Integer.MAX_VALUE, logprobs);
            };
            ServiceClass serviceClass = admission.serviceClass(call.caller, options.serviceTier());
            read[0] = options;
            format[0] = format(call, modelName, bytes, chat, logprobs >= 0, options, serviceClass);
            Work work = switch (served) {
                case ServedModel model -> Work.on(model, generation(f, call, model, chat, defaultTokens, options));
                case ServedUpstream upstream -> upstream(f, call, upstream, chat, defaultTokens, options);
            };
            return new Admission.Prepared(work, serviceClass);
        });
        Transcript transcript = admission.transcript(
                call.caller, call.id, () -> f.get(chat ? "messages" : "prompt").toString());
        if (admitted.isDone()) {
            return given(call, admitted, read[0], format[0], transcript);
        }
        ChannelFutureListener gone = closed -> admitted.cancel(false);
        call.channel.closeFuture().addListener(gone);
        admitted.whenComplete((running, failure) -> call.channel.closeFuture().removeListener(gone));
        return Mono.fromFuture(admitted)
                .publishOn(Schedulers.fromExecutor(call.loop()))
                .onErrorMap(Admission::told)
                .flatMap(running ->
                        given(call, CompletableFuture.completedFuture(running), read[0], format[0], transcript));
    }

    private static AnswerFormat format(
            Call call,
            String modelName,
            @Nullable TokenBytes bytes,
            boolean chat,
            boolean logprobs,
            GenerationCall options,
            ServiceClass serviceClass) {
        long created = call.arrived.getEpochSecond();
        String tier = options.serviceTier() == null ? null : serviceClass.name();
        return chat
                ? new ChatFormat(call.id, created, modelName, bytes, logprobs, tier)
                : new CompletionFormat(call.id, created, modelName, bytes, logprobs, tier);
    }

    private GenerationRequest generation(
            JsonFields f, Call call, ServedModel model, boolean chat, int defaultTokens, GenerationCall options) {
        int[] prompt = chat ? chatPrompt(f, model) : completionPrompt(f, model);
        int limit = options.answerLimit(
                chat ? "messages" : "prompt",
                prompt.length,
                model.contextLength(),
                defaultTokens,
                admission.largestOutput(call.caller, model.name()));
        return new GenerationRequest(
                model.chain(),
                model.tokenizer().bytes(),
                prompt,
                limit,
                options.sampling(),
                model.defaults().endTokens(),
                options.stops(),
                options.choices(),
                model.sharesPrefixes() ? "" : call.caller.tenant().toString());
    }

    private Work upstream(
            JsonFields f, Call call, ServedUpstream upstream, boolean chat, int defaultTokens, GenerationCall options) {
        int prompt = UpstreamBody.promptTokens(f, chat);
        // What is guessed refuses nobody: the other server counts.
        int guess = Math.min(prompt, upstream.contextLength() - 1);
        int limit = options.answerLimit(
                chat ? "messages" : "prompt",
                guess,
                upstream.contextLength(),
                defaultTokens,
                admission.largestOutput(call.caller, upstream.name()));
        // Where nothing bounds a chat but the context, the other server knows better how long an answer may be.
        boolean bounded = options.maxTokens() != null || limit < upstream.contextLength() - guess;
        byte[] body = UpstreamBody.of(f, chat, upstream.upstream(), options, bounded ? (Integer) limit : null);
        return upstream.work(new UpstreamRequest(
                call.id, chat ? "/chat/completions" : "/completions", body, prompt, limit, options.choices()));
    }

    /** The answer of a request that was let in or refused. */
    private static Mono<ServerResponse> given(
            Call call,
            CompletableFuture<Admission.Admitted> done,
            GenerationCall read,
            AnswerFormat format,
            @Nullable Transcript transcript) {
        Admission.Admitted admitted;
        try {
            admitted = done.join();
        } catch (CompletionException e) {
            return Mono.error(Admission.told(e.getCause() == null ? e : e.getCause()));
        }
        RateHeaders.warn(call.exchange, admitted.warnings());
        cancelWhenGone(call.channel, admitted.generation());
        Answers answers = new Answers(Schedulers.fromExecutor(call.loop()), transcript);
        return Mono.fromFuture(admitted::begun, true)
                .onErrorMap(Admission::told)
                .then(Mono.defer(() ->
                        read.stream() ? answers.stream(admitted, read, format) : answers.whole(admitted, read, format)))
                .doOnCancel(admitted.generation()::cancel);
    }

    /** Whatever the stream of the answer is doing: when its connection closes, nobody is left to make tokens for. */
    private static void cancelWhenGone(Channel channel, Generation generation) {
        ChannelFutureListener gone = closed -> generation.cancel();
        channel.closeFuture().addListener(gone);
        generation
                .ended()
                .whenComplete((usage, failure) -> channel.closeFuture().removeListener(gone));
    }

    private static int[] chatPrompt(JsonFields f, ServedModel model) {
        ChatTemplate template = model.chatTemplate();
        if (template == null) {
            throw ApiException.invalid(
                    "model", "The model '" + model.name() + "' has no chat template; use /v1/completions.");
        }
        try {
            return model.tokenizer().encode(template.render(Messages.read(f), true), false);
        } catch (ChatTemplate.Refusal e) {
            throw ApiException.invalid("messages", "The model's chat template refuses the messages: " + e.getMessage());
        }
    }

    private static int[] completionPrompt(JsonFields f, ServedModel model) {
        JsonNode prompt = f.get("prompt");
        if (prompt.isArray() && prompt.size() == 1 && !prompt.get(0).isIntegralNumber()) {
            prompt = prompt.get(0);
        } else if (prompt.isArray() && prompt.size() > 1 && !prompt.get(0).isIntegralNumber()) {
            throw ApiException.unsupported("prompt", "'prompt': several prompts in one request are not supported.");
        }
        int[] ids;
        if (prompt.isString()) {
            ids = model.tokenizer().encode(prompt.stringValue(), true);
        } else if (prompt.isArray()) {
            ids = new int[prompt.size()];
            for (int i = 0; i < ids.length; i++) {
                JsonNode id = prompt.get(i);
                ids[i] = id.isIntegralNumber() && id.canConvertToInt() ? id.intValue() : -1;
                if (ids[i] < 0 || ids[i] >= model.vocabularySize()) {
                    throw ApiException.invalid(
                            "prompt",
                            "'prompt[" + i + "]' must be a token id from 0 to " + (model.vocabularySize() - 1) + ".");
                }
            }
        } else {
            throw f.wrong("prompt", "a string or an array of token ids");
        }
        if (ids.length == 0) {
            throw ApiException.invalid("prompt", "'prompt' must not be empty.");
        }
        return ids;
    }
}
