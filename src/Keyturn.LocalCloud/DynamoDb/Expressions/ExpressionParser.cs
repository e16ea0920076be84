using System.Collections.Immutable;
using System.Globalization;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.DynamoDb.Expressions;

/// <summary>What the parsers of conditions, updates and projections share: tokens, document paths and values.</summary>
internal abstract class ExpressionParser
{
    private const int MaxLength = 4096;
    private const int MaxOperators = 300;
    private const int MaxPathDepth = 32;

    private readonly string _member;
    private readonly string _text;
    private readonly ExpressionContext _context;
    private readonly List<ExpressionToken> _tokens;
    private int _at;
    private int _operators;

    protected ExpressionParser(string member, string text, ExpressionContext context)
    {
        (_member, _text, _context) = (member, text, context);
        context.Expects();
        if (string.IsNullOrWhiteSpace(text))
            throw Invalid("The expression can not be empty;");
        if (System.Text.Encoding.UTF8.GetByteCount(text) > MaxLength)
            throw Invalid("Expression size has exceeded the maximum allowed size;");
        var (tokens, badAt) = ExpressionLexer.Read(text);
        _tokens = tokens ?? throw SyntaxError(text[badAt].ToString(), badAt);
    }

    /// <summary>Every document path read.</summary>
    protected List<DocumentPath> Paths { get; } = [];

    protected ExpressionToken Current => _tokens[_at];

    protected ExpressionToken Following => _tokens[Math.Min(_at + 1, _tokens.Count - 1)];

    protected ExpressionToken Next() => Current.Kind == ExpressionTokenKind.End ? throw SyntaxError() : _tokens[_at++];

    protected bool Take(string symbol)
    {
        if (!Current.Is(symbol))
            return false;
        _at++;
        return true;
    }

    protected bool TakeKeyword(string word)
    {
        if (!Current.IsKeyword(word))
            return false;
        _at++;
        return true;
    }

    protected void Expect(string symbol)
    {
        if (!Take(symbol))
            throw SyntaxError();
    }

    protected void ExpectEnd()
    {
        if (Current.Kind != ExpressionTokenKind.End)
            throw SyntaxError();
    }

    /// <summary>Bounds the size of the tree, and with it every recursion over it.</summary>
    protected void CountOperator()
    {
        if (++_operators > MaxOperators)
            throw Invalid($"The expression contains more than {MaxOperators} operators;");
    }

    protected DocumentPath Path()
    {
        var steps = ImmutableArray.CreateBuilder<PathStep>();
        steps.Add(new PathStep(Name(), 0));
        while (true)
        {
            if (Take("."))
            {
                steps.Add(new PathStep(Name(), 0));
            }
            else if (Take("["))
            {
                if (Current.Kind != ExpressionTokenKind.Number)
                    throw SyntaxError();
                if (!int.TryParse(Current.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
                    throw Invalid($"List index is not within the allowable range; index: [{Current.Text}]");
                _at++;
                steps.Add(new PathStep(null, index));
                Expect("]");
            }
            else
            {
                break;
            }
        }

        if (steps.Count > MaxPathDepth)
            throw Invalid("The document path has too many nesting elements;");
        Paths.Add(new DocumentPath(steps.ToImmutable()));
        return Paths[^1];
    }

    protected AttributeValue Value()
    {
        var reference = Current.Kind == ExpressionTokenKind.ValueReference ? Next().Text : throw SyntaxError();
        return _context.Value(reference)
            ?? throw Invalid($"An expression attribute value used in expression is not defined; attribute value: {reference}");
    }

    protected ApiException Invalid(string problem) => DynamoDbErrors.Validation($"Invalid {_member}: {problem}");

    protected ApiException SyntaxError() => SyntaxError(Current.Text, Current.Position);

    protected ApiException WrongType(string function, AttributeValue operand) =>
        Invalid($"Incorrect operand type for operator or function; operator or function: {function}, operand type: {operand.Type}");

    private ApiException SyntaxError(string token, int position)
    {
        var from = Math.Max(0, position - 8);
        return Invalid($"Syntax error; token: \"{token}\", near: \"{_text[from..Math.Min(_text.Length, position + token.Length + 8)]}\"");
    }

    private string Name()
    {
        switch (Current.Kind)
        {
            case ExpressionTokenKind.NameReference:
                var reference = Next().Text;
                return _context.Name(reference)
                    ?? throw Invalid($"An expression attribute name used in the document path is not defined; attribute name: {reference}");
            case ExpressionTokenKind.Word when ReservedWords.Contain(Current.Text):
                throw Invalid($"Attribute name is a reserved keyword; reserved keyword: {Current.Text}");
            case ExpressionTokenKind.Word:
                return Next().Text;
            default:
                throw SyntaxError();
        }
    }
}
